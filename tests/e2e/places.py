"""Every place of a running installation in which a secret could turn up where it must not."""

from base64 import b64encode
from urllib.parse import quote

import aiohttp
import asyncpg
import orjson
from redis.asyncio import Redis

from tests.e2e.running import Running


def forms(mark: str) -> set[bytes]:
    """A mark as it may be written: plain, in JSON, in a URL, in base64 at each of the three alignments."""
    raw = mark.encode()
    aligned = {b64encode(b"\x00" * skip + raw)[4 * bool(skip) : -4] for skip in range(3)}
    return {raw, orjson.dumps(mark)[1:-1], quote(mark).encode(), *(text for text in aligned if len(text) >= 8)}


def holding(places: dict[str, bytes], mark: str) -> list[str]:
    """The places that hold a mark in any form."""
    return sorted(place for place, content in places.items() if any(form in content for form in forms(mark)))


async def all_places(running: Running) -> dict[str, bytes]:
    """Logs of all roles, metrics of all of them, every column of every table, and all of Redis."""
    places = {f"log {path.name}": path.read_bytes() for path in (running.state / "log").glob("*.log")}
    async with aiohttp.ClientSession() as session:
        for url in (running.file.admin, *running.file.watch.values()):
            async with session.get(f"{url}/metrics") as reply:
                assert reply.status == 200
                places[f"metrics {url}"] = await reply.read()
    return places | await columns(running.file.database_url) | await keys(running.file.redis_url)


async def columns(database_url: str) -> dict[str, bytes]:
    """Every column of every table as bytes, sealed ones too: what is sealed cannot be found either."""
    connection = await asyncpg.connect(database_url)
    found: dict[str, bytes] = {}
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 - the catalogue's own names
            for row in rows:
                for column, value in row.items():
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    found[f"{table}.{column}"] = found.get(f"{table}.{column}", b"") + raw + b"\n"
    finally:
        await connection.close()
    return found


async def keys(redis_url: str) -> dict[str, bytes]:
    """Names and values of all keys, by type."""
    async with Redis.from_url(redis_url) as redis:
        found: dict[str, bytes] = {"redis names": b""}
        async for name in redis.scan_iter(count=1_000):
            kind = (await redis.type(name)).decode()
            if kind == "none":  # it ended between the scan and now
                continue
            read = {
                "string": lambda name=name: redis.get(name),
                "hash": lambda name=name: redis.hgetall(name),
                "list": lambda name=name: redis.lrange(name, 0, -1),
                "set": lambda name=name: redis.smembers(name),
                "zset": lambda name=name: redis.zrange(name, 0, -1, withscores=True),
            }[kind]
            found["redis names"] += name + b"\n"
            found[f"redis {kind}s"] = found.get(f"redis {kind}s", b"") + _bytes(await read()) + b"\n"
    return found


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\n".join(_bytes(part) for pair in value.items() for part in pair)
    if isinstance(value, list | set | tuple):
        return b"\n".join(_bytes(part) for part in value)
    return str(value).encode()
