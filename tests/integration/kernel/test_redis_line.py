import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError, NoScriptError, ResponseError  # noqa: A004 - the driver's names

from kernel.redis import RedisLine, pack


@pytest.fixture
async def line(redis_url: str, redis: Any) -> AsyncIterator[RedisLine]:
    """A line to an empty server."""
    await redis.flushall()
    made = RedisLine(redis_url, timeout_seconds=2)
    yield made
    await made.close()


async def test_answers_come_to_who_asked(line: RedisLine) -> None:
    """A thousand calls at once share one connection, and each has its own answer."""
    answers = await asyncio.gather(*(line.execute_command("ECHO", f"{n}" * 50) for n in range(1_000)))
    assert answers == [f"{n}".encode() * 50 for n in range(1_000)]
    clients = await line.execute_command("CLIENT", "LIST")
    assert clients.count(b"cmd=client") == 1


async def test_all_kinds_of_answers(line: RedisLine) -> None:
    """Bytes, numbers, lists and nothing; what the server refuses is raised, and the next call is served."""
    assert await line.call(pack("SET", "a", b"\x00\r\n")) == b"OK"
    assert await line.call(pack("GET", "a")) == b"\x00\r\n"
    assert await line.execute_command("EVAL", "return {1, 'two', false}", 0) == [1, b"two", None]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await line.execute_command("LPUSH", "a", "b")
    with pytest.raises(NoScriptError):
        await line.execute_command("EVALSHA", "0" * 40, 0)
    assert await line.execute_command("STRLEN", "a") == 3


async def test_a_lost_connection_is_told_and_made_again(line: RedisLine, redis_url: str) -> None:
    """Who waits when the server hangs up learns it; the next caller connects anew."""
    number = await line.execute_command("CLIENT", "ID")
    waiting = asyncio.ensure_future(line.execute_command("BLPOP", "nothing", 0))
    await asyncio.sleep(0)
    killer = RedisLine(redis_url, timeout_seconds=2)
    await killer.execute_command("CLIENT", "KILL", "ID", number)
    with pytest.raises(ConnectionError):
        await waiting
    assert await line.execute_command("CLIENT", "ID") != number
    await killer.close()


async def test_a_server_that_hangs_fails_its_callers_in_time() -> None:
    """All of them, and the connection is given up: an answer that came later would be another call's."""
    connections = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.read(100):
            pass
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    line = RedisLine(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout_seconds=0.05)
    for expected in (1, 2):
        failed = await asyncio.gather(*(line.call(pack("PING")) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(error, TimeoutError) for error in failed)
        assert connections == expected
    await line.close()
    server.close()


async def test_a_caller_that_gives_up_takes_no_answer_from_others(line: RedisLine) -> None:
    """The answer to a call that nobody waits for any more is read and dropped."""
    await line.execute_command("PING")
    given_up = asyncio.ensure_future(line.execute_command("ECHO", "first"))
    second = asyncio.ensure_future(line.execute_command("ECHO", "second"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await second == b"second"


async def test_password_and_database_of_the_url_count(redis_url: str, redis: Any) -> None:
    """A line logs in and chooses its database before the first call; a wrong password is told as such."""
    await redis.execute_command("ACL", "SETUSER", "somebody", "on", ">wonderland", "~*", "+@all")
    address = redis_url.split("//")[1].rsplit("@", maxsplit=1)[-1].split("/", maxsplit=1)[0]
    line = RedisLine(f"redis://somebody:wonderland@{address}/3", timeout_seconds=2)
    assert await line.execute_command("ACL", "WHOAMI") == b"somebody"
    assert b" db=3 " in await line.execute_command("CLIENT", "INFO")
    await line.close()
    wrong = RedisLine(f"redis://somebody:planted@{address}/3", timeout_seconds=2)
    with pytest.raises(ResponseError) as raised:
        await wrong.call(pack("PING"))
    assert "planted" not in str(raised.value)
    await redis.execute_command("ACL", "DELUSER", "somebody")
