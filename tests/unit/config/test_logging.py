import asyncio
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
import structlog

from config.logging import Lines, configure_logging
from config.sections import LoggingSettings
from kernel.errors import Unavailable
from kernel.masked import AccountNumber, PersonName, Secret
from tests.support.clock import FakeClock

PLANTED = "hunter2-planted"


@pytest.fixture
def stream() -> Iterator[io.BytesIO]:
    """The log's end; structlog and logging are as before afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    written = io.BytesIO()
    configure_logging(LoggingSettings(level="info", stream="stdout"), FakeClock(), written)
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_one_json_object_a_fact(stream: io.BytesIO) -> None:
    """A line is one object with the event, its level, the corrected time and the fields as their types say."""
    structlog.get_logger().info(
        "delivery.attempted", delivery=UUID(int=1), at_step=3, due=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert lines(stream) == [
        {
            "event": "delivery.attempted",
            "level": "info",
            "at": "2026-11-02T12:00:00Z",
            "delivery": "00000000-0000-0000-0000-000000000001",
            "at_step": 3,
            "due": "2026-01-01T00:00:00Z",
        }
    ]


def test_the_level_is_kept(stream: io.BytesIO) -> None:
    """What is below the level is not written."""
    structlog.get_logger().debug("nothing.happened")
    assert lines(stream) == []


async def test_the_request_id_follows_its_request(stream: io.BytesIO) -> None:
    """What is bound to one request's context stands in its lines and in no other's."""

    async def request(name: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=name)
        await asyncio.sleep(0)
        structlog.get_logger().info("request.ended")

    await asyncio.gather(request("one"), request("two"))
    assert sorted(line["request_id"] for line in lines(stream)) == ["one", "two"]


@dataclass
class Holder:
    password: str


class Odd:
    def __repr__(self) -> str:
        return PLANTED


def test_planted_secrets_are_found_in_no_line(stream: io.BytesIO) -> None:
    """Masked values, bytes, records, unknown objects and odd collections never show what they hold."""
    log = structlog.get_logger()
    log.info("a", secret=Secret(PLANTED), name=PersonName(PLANTED), account=AccountNumber(PLANTED))
    log.info("b", body=PLANTED.encode(), view=memoryview(PLANTED.encode()), record=Holder(PLANTED), odd=Odd())
    log.info("c", nested={"list": [Secret(PLANTED), (Odd(),)], "set": {Secret(PLANTED)}})
    log.info("d", keys={Odd(): 1})
    log.info("e", number=2**70)
    text = stream.getvalue().decode()
    assert PLANTED not in text
    assert len(lines(stream)) == 5


def test_exceptions_show_places_and_not_values(stream: io.BytesIO) -> None:
    """An exception's line holds types and places of the whole chain, but neither its locals nor a library's words."""

    def fail(password: str) -> None:
        raise ValueError(f"could not parse {password}")

    def fail_because() -> None:
        try:
            fail(PLANTED)
        except ValueError as error:
            raise Unavailable("The database does not answer.") from error

    try:
        fail_because()
    except Unavailable:
        structlog.get_logger().exception("request.failed")
    (line,) = lines(stream)
    assert [link["type"] for link in line["exception"]] == ["Unavailable", "ValueError"]
    assert line["exception"][0]["detail"] == "The database does not answer."
    assert "test_logging.py" in line["exception"][0]["frames"][0]
    assert PLANTED not in stream.getvalue().decode()


def test_a_database_error_shows_its_state_alone(stream: io.BytesIO) -> None:
    """Of PostgreSQL's errors the state and the constraint are kept, for the words may repeat a row."""
    error = asyncpg.UniqueViolationError(f"duplicate key {PLANTED}")
    structlog.get_logger().error("batch.failed", exc_info=error)
    (line,) = lines(stream)
    assert line["exception"][0]["sqlstate"] == "23505"
    assert PLANTED not in stream.getvalue().decode()


def test_groups_of_exceptions_are_opened(stream: io.BytesIO) -> None:
    """A task group's failure names what failed in it."""
    error = ExceptionGroup(PLANTED, [ValueError(PLANTED), KeyError(PLANTED)])
    structlog.get_logger().error("role.failed", exc_info=error)
    (line,) = lines(stream)
    assert [inner["type"] for inner in line["exception"][0]["exceptions"]] == ["ValueError", "KeyError"]
    assert PLANTED not in stream.getvalue().decode()


def test_libraries_are_heard_without_what_they_fill_in(stream: io.BytesIO) -> None:
    """A library's warning becomes a line with its fixed words; what it fills in and its errors' words stay out."""
    failure = OSError(PLANTED)
    logging.getLogger("some.library").error("could not send %s", PLANTED, exc_info=failure)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s", PLANTED)
    logging.getLogger("some.library").info("chatter")
    first, second = lines(stream)
    assert (first["logger"], first["words"]) == ("some.library", "could not send %s")
    assert first["exception"][0]["type"] == "OSError"
    assert second["words"] == "Task exception was never retrieved"
    assert PLANTED not in stream.getvalue().decode()


async def test_lines_of_a_busy_kind_are_written_together_and_look_like_all_others() -> None:
    """They come a moment later, at the end at once, and not at all below their level."""
    written = io.BytesIO()
    busy = Lines(LoggingSettings(level="info", stream="stdout"), FakeClock(), written)
    for status in (201, 429):
        busy("request.answered", {"status": status})
    assert not written.getvalue()
    busy.flush()
    assert [(line["event"], line["status"], line["level"]) for line in lines(written)] == [
        ("request.answered", 201, "info"),
        ("request.answered", 429, "info"),
    ]
    busy("request.answered", {"status": 200})
    async with asyncio.timeout(5):
        while len(lines(written)) < 3:  # noqa: ASYNC110 - nothing tells when it was written
            await asyncio.sleep(0.005)
    quiet = Lines(LoggingSettings(level="warning", stream="stdout"), FakeClock(), written)
    quiet("request.answered", {"status": 200})
    quiet.flush()
    assert len(lines(written)) == 3
