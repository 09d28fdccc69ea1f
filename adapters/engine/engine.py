"""Performs prepared calls at banks and says what became of them. Decides nothing about money."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Self
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from adapters.contract import Answered, Bank, NeverLeft, Outcome, Unknown
from adapters.declaration import Declaration
from adapters.engine.guards import BreakerPolicy, BulkheadFull, BulkheadPolicy
from adapters.engine.line import Line
from adapters.engine.recent import Standing
from adapters.engine.recording import record
from adapters.engine.tokens import Credentials, MemoryTokens, NoToken, TokenStore
from adapters.engine.transport import Call, Course, Why
from adapters.retry_after import retry_after_seconds
from adapters.wire import WireRequest
from kernel.clock import Clock

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Bounds that hold for every bank; its deadlines are the adapter's."""

    reply_bytes_max: int = 1024 * 1024
    bulkhead: BulkheadPolicy = field(default_factory=BulkheadPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMetrics:
    """Calls by bank and outcome, and how long they took."""

    calls: Counter
    seconds: Histogram

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """The metrics, registered."""
        calls = Counter("bank_calls", "Calls made at banks.", ("bank", "outcome"), registry=registry)
        seconds = Histogram("bank_call_seconds", "Duration of calls at banks.", ("bank",), registry=registry)
        return cls(calls=calls, seconds=seconds)


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One call on its way through the engine; `headers` are those really sent."""

    bank: Bank
    request: WireRequest
    at: datetime
    started: float
    headers: dict[str, str] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    retry_after_seconds: float | None = None


class Engine:
    """One per process. It keeps a line per bank, opened on first use."""

    def __init__(
        self,
        declarations: Mapping[str, Declaration],
        clock: Clock,
        metrics: EngineMetrics,
        settings: EngineSettings = EngineSettings(),
        tokens: TokenStore | None = None,
    ) -> None:
        self._declarations = declarations
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._credentials = Credentials(tokens or MemoryTokens(clock.monotonic), clock.monotonic)
        self._lines: dict[str, Line] = {}

    async def perform(self, bank: Bank, request: WireRequest) -> Outcome:
        """Make this call once. Never raises for a fault of the network, the bank or the bank's settings."""
        attempt = _Attempt(bank=bank, request=request, at=self._clock.now(), started=self._clock.monotonic())
        async with await self._line(bank) as line:
            try:
                async with line.bulkhead.slot():
                    await self._admitted(line, attempt)
            except BulkheadFull:
                attempt.course.why = Why.BULKHEAD
        return self._finish(attempt)

    def standings(self) -> dict[str, Standing]:
        """How each bank that was called from here fares."""
        return {bank_id: _standing(line) for bank_id, line in self._lines.items()}

    async def close(self) -> None:
        """Close every line; calls in flight keep theirs until they end."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            await line.retire()

    async def _line(self, bank: Bank) -> Line:
        line = self._lines.get(bank.id)
        if line is not None and line.bank.version >= bank.version:
            return line
        fresh = Line(bank, self._settings.bulkhead, self._settings.breaker, self._clock.monotonic)
        self._lines[bank.id] = fresh
        if line is not None:
            await line.retire()
        return fresh

    async def _admitted(self, line: Line, attempt: _Attempt) -> None:
        attempt.retry_after_seconds = line.breaker.admit()
        if attempt.retry_after_seconds is not None:
            attempt.course.why = Why.BREAKER_OPEN
            return
        try:
            await self._send(line, attempt)
        except NoToken:
            attempt.course.why = Why.NO_TOKEN
        except (OSError, ValueError, LookupError):
            attempt.course.why = Why.BAD_SETTINGS
        except BaseException:
            line.breaker.abandoned()
            raise
        self._tell(line, attempt)

    async def _send(self, line: Line, attempt: _Attempt) -> None:
        call = self._call(line.bank, attempt.request)
        profile = self._declarations[line.bank.adapter].auth
        try:
            async with asyncio.timeout(self._seconds_left(attempt, call)):
                credential = await self._credentials.header(line.bank, profile, line.send, call)
        except TimeoutError:
            raise NoToken from None
        if self._seconds_left(attempt, call) <= 0:
            raise BulkheadFull
        attempt.headers = {**call.headers, **credential}
        attempt.course = await line.send(replace(call, headers=attempt.headers))

    def _seconds_left(self, attempt: _Attempt, call: Call) -> float:
        """Until when the call may begin: leases count on it, so a late one must not leave any more."""
        return call.deadlines.total_seconds - (self._clock.monotonic() - attempt.started)

    def _call(self, bank: Bank, request: WireRequest) -> Call:
        return Call(
            method=request.method,
            url=bank.settings.base_url.rstrip("/") + request.path,
            headers=dict(request.headers) | {name: self._fresh(name) for name in request.fresh},
            body=request.body,
            deadlines=self._declarations[bank.adapter].deadlines,
            reply_bytes_max=self._settings.reply_bytes_max,
        )

    def _fresh(self, name: str) -> str:
        """A header made anew at every send. Raises ValueError for one that the engine cannot make."""
        match name:
            case "date":
                return format_datetime(self._clock.now(), usegmt=True)
            case "x-request-id":
                return str(uuid4())
            case _:
                raise ValueError("this header cannot be made anew")

    def _tell(self, line: Line, attempt: _Attempt) -> None:
        """What the call says about the bank's health; explicit refusals say that it lives."""
        course = attempt.course
        failed = course.why is not None or (course.status or 0) >= 500
        line.recent.add(failed=failed)
        if failed:
            line.breaker.failed()
        else:
            line.breaker.succeeded()
        if course.status in {429, 503} and (seconds := retry_after_seconds(course.headers)) is not None:
            line.breaker.wait_for(seconds)
        if course.status == 401:
            self._credentials.forget(line.bank)

    def _finish(self, attempt: _Attempt) -> Outcome:
        seconds = self._clock.monotonic() - attempt.started
        exchange = record(attempt.request, attempt.headers, attempt.course, attempt.at, int(seconds * 1_000_000))
        outcome: Outcome
        course = attempt.course
        if course.why is None:
            outcome = Answered(reply=course.reply(), exchange=exchange)
        elif course.connected:
            outcome = Unknown(why=course.why, bytes_seen=len(course.body), exchange=exchange)
        else:
            outcome = NeverLeft(why=course.why, exchange=exchange, retry_after_seconds=attempt.retry_after_seconds)
        self._count(attempt, type(outcome).__name__, seconds)
        return outcome

    def _count(self, attempt: _Attempt, outcome: str, seconds: float) -> None:
        bank, course = attempt.bank, attempt.course
        self._metrics.calls.labels(bank.id, course.why or "answered").inc()
        self._metrics.seconds.labels(bank.id).observe(seconds)
        _log.info(
            "bank.called",
            bank_id=bank.id,
            method=attempt.request.method,
            outcome=outcome,
            why=course.why,
            status=course.status,
            duration_ms=round(seconds * 1000, 1),
        )


def _standing(line: Line) -> Standing:
    calls, failures = line.recent.counts()
    return Standing(calls=calls, failures=failures, shut_seconds=line.breaker.shut_seconds())
