"""Performs prepared calls at banks and says what became of them. Decides nothing about money."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from adapters.contract import Answered, Bank, NeverLeft, Outcome, Unknown
from adapters.declaration import Declaration
from adapters.engine.credentials import Credentials, MemoryTokens, NoToken, TokenStore
from adapters.engine.credentials.credentials import Caller, Proven
from adapters.engine.guards import BreakerPolicy, BulkheadFull, BulkheadPolicy
from adapters.engine.line import Lane, Line
from adapters.engine.preparing import as_sent, call_of, signed, why_doubted
from adapters.engine.recent import Standing
from adapters.engine.recording import record
from adapters.engine.transport import Call, Course, Why
from adapters.reading.retry_after import retry_after_seconds
from adapters.wire import WireReply, WireRequest
from kernel.clock import Clock
from kernel.masked import Secret

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
    """One call on its way through the engine; `proven` is the call with its credential, once it has one."""

    bank: Bank
    request: WireRequest
    payer_access: Secret | None
    at: datetime
    started: float
    proven: Proven | None = None
    sent: Call | None = None
    course: Course = field(default_factory=Course)
    reply: WireReply | None = None
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
        self._credentials = Credentials(tokens or MemoryTokens(clock), clock)
        self._lines: dict[str, Line] = {}

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """Make this call once. Never raises for a fault of the network, the bank or the bank's settings.

        `payer_access` is the access that the payer's authorisation brought, for a request that is made as the payer.
        """
        async with await self._line(bank) as line:
            return await self._in_lane(line, line.paying, self._attempt(bank, request, payer_access))

    async def read(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """The same for account information, with slots and a breaker of its own: no read keeps a payment waiting."""
        async with await self._line(bank) as line:
            return await self._in_lane(line, line.reading, self._attempt(bank, request, payer_access))

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

    def _attempt(self, bank: Bank, request: WireRequest, payer_access: Secret | None) -> _Attempt:
        now, started = self._clock.now(), self._clock.monotonic()
        return _Attempt(bank=bank, request=request, payer_access=payer_access, at=now, started=started)

    async def _in_lane(self, line: Line, lane: Lane, attempt: _Attempt) -> Outcome:
        try:
            async with lane.bulkhead.slot():
                await self._admitted(line, lane, attempt)
        except BulkheadFull:
            attempt.course.why = Why.BULKHEAD
        return self._finish(attempt)

    async def _admitted(self, line: Line, lane: Lane, attempt: _Attempt) -> None:
        attempt.retry_after_seconds = lane.breaker.admit()
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
            lane.breaker.abandoned()
            raise
        _tell(line, lane, attempt.course)
        await self._forget_refused(line.bank, attempt)

    async def _send(self, line: Line, attempt: _Attempt) -> None:
        request, declaration = attempt.request, self._declarations[line.bank.adapter]
        call = call_of(line.bank, request, declaration, self._settings.reply_bytes_max, self._clock.now())
        caller = Caller(bank=line.bank, profile=declaration.auth, send=line.send, payer_access=attempt.payer_access)
        try:
            async with asyncio.timeout(self._seconds_left(attempt, call)):
                attempt.proven = await self._credentials.prove(caller, request, call)
        except TimeoutError:
            raise NoToken from None
        call = attempt.proven.call
        if request.signed:
            call = signed(call, line.bank, declaration.signing, self._clock.now())
        if self._seconds_left(attempt, call) <= 0:
            raise BulkheadFull
        attempt.sent = call
        attempt.course = await line.send(call)
        if attempt.course.why is None:
            attempt.reply = attempt.course.reply(as_sent(request, call))
            attempt.course.why = why_doubted(attempt.reply, line.bank, declaration.signing, self._clock.now())

    def _seconds_left(self, attempt: _Attempt, call: Call) -> float:
        """Until when the call may begin: leases count on it, so a late one must not leave any more."""
        return call.deadlines.total_seconds - (self._clock.monotonic() - attempt.started)

    async def _forget_refused(self, bank: Bank, attempt: _Attempt) -> None:
        token = attempt.proven.token if attempt.proven is not None else None
        if token is not None and attempt.course.status == 401:
            await self._credentials.forget(bank, attempt.request.scope, token)

    def _finish(self, attempt: _Attempt) -> Outcome:
        seconds = self._clock.monotonic() - attempt.started
        exchange = record(attempt.request, attempt.sent, attempt.course, attempt.at, int(seconds * 1_000_000))
        outcome: Outcome
        course = attempt.course
        if course.why is None and attempt.reply is not None:
            outcome = Answered(reply=attempt.reply, exchange=exchange)
        elif course.connected:
            outcome = Unknown(why=course.why or Why.OTHER, bytes_seen=len(course.body), exchange=exchange)
        else:
            outcome = NeverLeft(
                why=course.why or Why.OTHER, exchange=exchange, retry_after_seconds=attempt.retry_after_seconds
            )
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
    return Standing(calls=calls, failures=failures, shut_seconds=line.paying.breaker.shut_seconds())


def _tell(line: Line, lane: Lane, course: Course) -> None:
    """What the call says about the bank's health; explicit refusals say that it lives."""
    failed = course.why is not None or (course.status or 0) >= 500
    line.recent.add(failed=failed)
    if failed:
        lane.breaker.failed()
    else:
        lane.breaker.succeeded()
    if course.status in {429, 503} and (seconds := retry_after_seconds(course.headers)) is not None:
        lane.breaker.wait_for(seconds)
