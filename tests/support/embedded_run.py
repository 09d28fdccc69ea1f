"""One run of the embedded servers in a process of its own, as `python embedded_run.py STATE [stay]`.

Starts them, adds a row, and prints a JSON line: the process ids, and how many rows there are. Then it stops them, or
with `stay` waits to be killed. Run as a script by tests that need another account or another death.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import asyncpg

from config.embedded.supervisor import EmbeddedServers


async def add_row(database_url: str) -> int:
    """Commit one more row; how many there are."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())")
        await connection.execute("INSERT INTO kept DEFAULT VALUES")
        count: int = await connection.fetchval("SELECT count(*) FROM kept")
        return count
    finally:
        await connection.close()


async def main(state: Path, *, stay: bool) -> None:
    servers = EmbeddedServers(state)
    urls = await servers.start()
    rows = await add_row(urls.database_url)
    found = {
        "rows": rows,
        "pids": list(servers.pids().values()),
        "database_url": urls.database_url,
        "redis_url": urls.redis_url,
    }
    print(json.dumps(found), flush=True)  # noqa: T201 - what the test reads
    if stay:
        await asyncio.Event().wait()
    await servers.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), stay="stay" in sys.argv[2:]))
