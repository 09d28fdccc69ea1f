"""Logs: one JSON object per line and fact, on stdout or stderr.

What is written is only what types allow: masked values as their mask, bytes as their length, other objects as the name
of their type. Of an exception the log holds its type and places, and its words only where they are ours: a driver's or
a library's message may repeat what a caller sent.

A line is written at once, so that a process that is killed loses none. Only the lines of answered requests, of which
there are thousands a second, are written together (`Lines`): a killed process loses those of its last moment.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from types import TracebackType
from typing import Any, BinaryIO

import asyncpg
import orjson
import structlog

from config.sections import LoggingSettings
from kernel.clock import Clock
from kernel.errors import ThreadneedleError
from kernel.masked import Masked

_FRAMES_MAX = 20
_CHAIN_MAX = 5
_WORDS_MAX = 200
_TOGETHER_SECONDS = 0.05
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

EventDict = MutableMapping[str, Any]


def configure_logging(settings: LoggingSettings, clock: Clock, stream: BinaryIO | None = None) -> None:
    """Set up the logs of this process, those of libraries included. The composition root calls it once."""
    stream, level = stream or _stream(settings), _level(settings)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _timestamp(clock),
            _render_exception,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _LineLogger(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_LibraryHandler()], level=max(level, logging.WARNING), force=True)


class Lines:
    """Lines at level info of a busy kind: rendered when they are told, written together a moment later.

    Call `flush` at the end. Needs a running event loop.
    """

    def __init__(self, settings: LoggingSettings, clock: Clock, stream: BinaryIO | None = None) -> None:
        self._stream = stream or _stream(settings)
        self._is_wanted = _level(settings) <= logging.INFO
        self._clock = clock
        self._waiting: list[bytes] = []

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """One line; its fields are plain values."""
        if not self._is_wanted:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self.flush)
        self._waiting.append(
            _render(None, "info", {**fields, "event": event, "level": "info", "at": self._clock.now()})
        )

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write(b"".join(waiting))
            self._stream.flush()


class _LineLogger:
    """Writes finished lines; structlog calls it by the name of the level."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def msg(self, line: bytes) -> None:
        """Write one line and let it go."""
        self._stream.write(line)
        self._stream.flush()

    debug = info = warning = error = critical = msg


class _LibraryHandler(logging.Handler):
    """Lines of libraries that use `logging`: their fixed words, never what they fill in."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one of our lines."""
        words = str(record.msg).partition("\n")[0][:_WORDS_MAX]
        structlog.get_logger().log(
            max(record.levelno, logging.DEBUG),
            "library.logged",
            logger=record.name,
            words=words,
            exc_info=record.exc_info,
        )


def _stream(settings: LoggingSettings) -> BinaryIO:
    stream: BinaryIO = getattr(sys, settings.stream).buffer
    return stream


def _level(settings: LoggingSettings) -> int:
    return logging.getLevelNamesMapping()[settings.level.upper()]


def _timestamp(clock: Clock) -> Callable[[Any, str, EventDict], EventDict]:
    def add(_logger: Any, _name: str, event: EventDict) -> EventDict:
        event["at"] = clock.now()
        return event

    return add


def _render_exception(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by what may be said of the exception and those that caused it."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = _chain(error)
    return event


def _chain(error: BaseException) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < _CHAIN_MAX:
        chain.append(_described(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _described(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {"type": type(error).__qualname__, "frames": _frames(error.__traceback__)}
    if isinstance(error, ThreadneedleError):
        described["detail"] = error.detail
    if isinstance(error, asyncpg.PostgresError):
        described |= {"sqlstate": error.sqlstate, "constraint": getattr(error, "constraint_name", None)}
    if isinstance(error, BaseExceptionGroup):
        described["exceptions"] = [_described(inner) for inner in error.exceptions[:_CHAIN_MAX]]
    return described


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return frames[-_FRAMES_MAX:]


def _render(_logger: Any, _name: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=_shown, option=_OPTIONS)
    except TypeError:
        # A log line never fails its caller: a value that JSON cannot hold loses its line's fields, not the line.
        kept = {name: str(event.get(name)) for name in ("event", "level", "at")}
        return orjson.dumps({**kept, "unrenderable": sorted(str(name) for name in event)}, option=_OPTIONS)


def _shown(value: Any) -> Any:
    if isinstance(value, Masked):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, set | frozenset):
        return [item if isinstance(item, str | int | float) else _shown(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return f"<{type(value).__qualname__}>"
