"""The faults do what their names say."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from bench.chaos.striking import Striking
from bench.faults.deck import Card
from bench.faults.fault import NoVictim, SkippedFault
from bench.faults.processes import EndRole
from bench.faults.proxy import BadWeather, Proxy, Weather
from bench.faults.redis import Flush, Rewind
from bench.lines import Lines, read_lines
from bench.target import RunFile


@asynccontextmanager
async def echoing() -> AsyncIterator[Proxy]:
    """A proxy before a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while chunk := await reader.read(1000):
                writer.write(chunk)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy = Proxy(lambda: (host, port))
    await proxy.start()
    yield proxy
    await proxy.close()
    server.close()


async def trip(proxy: Proxy, size: int = 10) -> float:
    """Seconds for some bytes there and back."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with closing(writer):
        writer.write(b"x" * size)
        assert await reader.readexactly(size) == b"x" * size
    return time.monotonic() - started


async def test_clear_weather_lets_everything_through() -> None:
    """The proxy by itself changes nothing."""
    async with echoing() as proxy:
        assert await trip(proxy, 100_000) < 5


async def test_unreachable_cuts_old_and_new_connections() -> None:
    """Whoever is connected is cut off, whoever comes is turned away, and afterwards all is as before."""
    async with echoing() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with closing(writer):
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            proxy.change(Weather.REFUSED)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await trip(proxy)
        proxy.change(Weather.CLEAR)
        assert await trip(proxy) < 5


async def test_frozen_lets_nothing_through_and_loses_nothing() -> None:
    """Bytes wait; when it is over they arrive."""
    async with echoing() as proxy:
        stroke = BadWeather(server="postgres", weather=Weather.FROZEN, seconds=0.4, proxy=proxy)
        striking = asyncio.create_task(stroke.strike())
        await asyncio.sleep(0)
        assert await trip(proxy) > 0.3
        await striking


@pytest.mark.parametrize(("weather", "seconds"), [(Weather.SLOW, 0.55), (Weather.DRIPPING, 0.75)])
async def test_slow_and_dripping_delay_everything(weather: Weather, seconds: float) -> None:
    """Each piece takes its time, each way."""
    async with echoing() as proxy:
        proxy.change(weather)
        assert await trip(proxy, 200) > seconds


async def test_a_flush_empties_redis(redis_url: str) -> None:
    """Nothing is left."""
    async with Redis.from_url(redis_url) as redis:
        await redis.set("a", 1)
        await Flush(url=lambda: redis_url).strike()
        assert await redis.dbsize() == 0


async def test_a_rewind_forgets_the_last_second_and_what_it_removed_is_back(redis_url: str) -> None:
    """As after a failover to a replica that lagged: older state, another replication id, still writable."""
    async with Redis.from_url(redis_url) as redis:
        await redis.zadd("old", {"x": 1})
        before = (await redis.info("replication"))["master_replid"]
        striking = asyncio.create_task(Rewind(url=lambda: redis_url).strike())
        await asyncio.sleep(0.4)
        await redis.delete("old")
        await redis.set("new", 1)
        await striking
        assert (await redis.exists("old"), await redis.exists("new")) == (1, 0)
        assert (await redis.info("replication"))["master_replid"] != before
        await redis.set("new", 2)


async def test_a_role_is_ended_by_the_pid_of_its_run_file(tmp_path: Path) -> None:
    """The process gets the signal, and the stroke waits until another one stands in the run file."""
    path = tmp_path / "run.json"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    path.write_bytes(orjson.dumps({"pids": {"worker": [process.pid]}}))
    stroke = EndRole(role="worker", signal=signal.SIGKILL, run_file=RunFile(path), dice=random.Random(1))  # noqa: S311 - a test's choice
    striking = asyncio.create_task(stroke.strike())
    assert await process.wait() == -signal.SIGKILL
    assert not striking.done()
    path.write_bytes(orjson.dumps({"pids": {"worker": [os.getpid()]}}))
    await striking


async def test_a_fault_without_a_victim_is_skipped_with_a_reason(tmp_path: Path) -> None:
    """What cannot be done is said, not counted as done."""
    run_file = RunFile(tmp_path / "run.json")
    stroke = EndRole(role="worker", signal=signal.SIGKILL, run_file=run_file, dice=random.Random(1))  # noqa: S311 - a test's choice
    with pytest.raises(SkippedFault, match="no worker"):
        await stroke.strike()


class Away:
    """A stroke whose victim is away for some strikes."""

    kind = "kill worker"

    def __init__(self, times: int) -> None:
        self._times = times

    async def strike(self) -> float:
        self._times -= 1
        if self._times >= 0:
            raise NoVictim("no worker runs")
        return time.monotonic()


@pytest.mark.parametrize(("times", "struck", "skipped"), [(3, 7, 0), (10**6, 6, 1)])
async def test_a_kill_whose_victim_is_away_is_dealt_again(
    times: int, struck: int, skipped: int, tmp_path: Path
) -> None:
    """Until it has struck, or the time is over; a seed with too few that struck fails."""
    away = Away(times)
    cards = [Card(at_seconds=place / 100, name="kill worker", luck=place / 10) for place in range(7)]
    strokes = {card: away if card is cards[0] else Away(0) for card in cards}
    with closing(Lines(tmp_path / "faults.jsonl")) as log:
        striking = Striking(strokes.__getitem__, log, lambda _: None, again_seconds=(0.01, 0.02))
        await striking.play(cards, late_seconds_max=0.3)
    lines = list(read_lines(tmp_path / "faults.jsonl"))
    assert sum(not line["skipped"] for line in lines) == struck
    assert sum(bool(line["skipped"]) for line in lines) == skipped
    missing = {finding.name: finding for finding in striking.missing(480)}
    assert missing["too few: kill worker"].held == (struck == 7)
    assert missing["too few: kill gateway"].count == 7
