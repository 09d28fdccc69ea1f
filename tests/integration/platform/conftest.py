"""A folder for embedded servers of a test's own."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.embedded.supervisor import EmbeddedServers


@pytest.fixture
def state() -> Iterator[Path]:
    """A new folder that every account may walk through."""
    folder = Path(tempfile.mkdtemp(prefix="threadneedle-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def embedded(state: Path) -> AsyncIterator[EmbeddedServers]:
    """Servers of this test's own, to be killed at will."""
    servers = EmbeddedServers(state)
    await servers.start()
    yield servers
    await servers.stop()
