"""The servers of a test run: embedded ones of this process, or those that the environment names."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.supervisor import EmbeddedServers, EmbeddedUrls


@contextmanager
def running_servers() -> Iterator[EmbeddedUrls]:
    """URLs that answer. Embedded servers live in a temporary folder and give up fsync: nothing outlives the run."""
    given = _given()
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="threadneedle-"))
    folder.chmod(0o711)  # the servers' own account walks through it where pytest runs as root
    servers = EmbeddedServers(folder, durable=False)
    try:
        yield asyncio.run(servers.start())
    finally:
        asyncio.run(servers.stop())
        shutil.rmtree(folder)


def _given() -> EmbeddedUrls | None:
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        return EmbeddedUrls(database_url=database_url, redis_url=redis_url)
    return None
