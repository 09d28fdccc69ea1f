"""When each phase of a send began and ended."""

import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp

from webhooks.sending.model import Timings


@dataclass(slots=True)
class Phases:
    """When each phase of one send began and ended, in nanoseconds; filled in as it goes."""

    host: str
    started: int
    dns_started: int | None = None
    dns_ended: int | None = None
    connect_started: int | None = None
    tls_started: int | None = None
    connected: int | None = None
    head: int | None = None
    tls: ssl.SSLObject | None = None

    def timings(self) -> Timings:
        """The phases as differences."""
        return Timings(
            total_us=(time.perf_counter_ns() - self.started) // 1000,
            dns_us=_difference_us(self.dns_started, self.dns_ended),
            connect_us=_difference_us(self.connect_started, self.tls_started or self.connected),
            tls_us=_difference_us(self.tls_started, self.connected),
            first_byte_us=_difference_us(self.started, self.head),
        )

    def where(self) -> str:
        """What was under way, for people."""
        if self.connected is None and self.tls_started is not None:
            return "during the TLS handshake"
        if self.connected is None and self.connect_started is not None:
            return "while connecting"
        if self.dns_started is not None and self.dns_ended is None:
            return "while resolving the name"
        return "while waiting for the answer"


def _difference_us(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else (end - start) // 1000


# Of the send that runs in this context; the hooks below have no other way to know for whom they are called.
CURRENT: ContextVar[Phases] = ContextVar("webhooks_sending_phases")


class TimedContext(ssl.SSLContext):
    """Notes when the handshake begins: the event loop asks for the TLS object once TCP is connected."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Called by the event loop."""
        phases = CURRENT.get()
        phases.tls_started = time.perf_counter_ns()
        phases.tls = super().wrap_bio(*args, **kwargs)
        return phases.tls


def tracing() -> aiohttp.TraceConfig:
    """Marks the phases in the `Phases` that a request carries as its trace_request_ctx."""
    trace = aiohttp.TraceConfig()
    trace.on_dns_resolvehost_start.append(_marker("dns_started"))
    trace.on_dns_resolvehost_end.append(_marker("dns_ended"))
    trace.on_connection_create_end.append(_marker("connected"))
    return trace


def _marker(name: str) -> Callable[[aiohttp.ClientSession, SimpleNamespace, Any], Any]:
    async def mark(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
        setattr(context.trace_request_ctx, name, time.perf_counter_ns())

    return mark
