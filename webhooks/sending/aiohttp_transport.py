"""The transport on aiohttp's client.

Every socket is made by `_checked_socket`, with the very address that is then connected to, so no name that changes its
mind after a look-up and no odd spelling of an address gets past the check. TLS still verifies the URL's host name.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from webhooks.sending.destination import AllowList, RefusedDestinationError, check_address
from webhooks.sending.model import ErrorClass, Timings
from webhooks.sending.transport import BodyState, TransportPolicy, WireReply, WireRequest

_AUTO_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
# aiohttp rounds deadlines longer than this up to whole seconds; ours are exact.
_EXACT_SECONDS = 3600.0

# Tried in this order, for the classes of aiohttp overlap.
_CLASSES: tuple[tuple[tuple[type[Exception], ...], ErrorClass, str], ...] = (
    ((TimeoutError,), ErrorClass.TIMEOUT, "the time was over {where}"),
    ((aiohttp.InvalidURL,), ErrorClass.REFUSED_DESTINATION, "the host is not a name or a plainly written address"),
    ((aiohttp.ClientConnectionError,), ErrorClass.RESET, "the connection was lost {where}"),
    ((aiohttp.ClientError,), ErrorClass.PROTOCOL, "the answer is not valid HTTP"),
)

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]


@dataclass(slots=True)
class _Phases:
    """When each phase of one send began and ended, in nanoseconds; filled in as it goes."""

    host: str
    started: int
    dns_started: int | None = None
    dns_ended: int | None = None
    connect_started: int | None = None
    tls_started: int | None = None
    connected: int | None = None
    head: int | None = None

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
_CURRENT: ContextVar[_Phases] = ContextVar("webhooks_sending_phases")


class _TimedContext(ssl.SSLContext):
    """Notes when the handshake begins: the event loop asks for the TLS object once TCP is connected."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        phases = _CURRENT.get()
        phases.tls_started = time.perf_counter_ns()
        return super().wrap_bio(*args, **kwargs)


class _ThreadedResolver(AbstractResolver):
    """The system's resolver on threads of its own, so that slow names do not use up those of the process."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of the name, IPv4 and IPv6. Raises OSError when there is none."""
        found = await asyncio.get_running_loop().run_in_executor(self._executor, _lookup, host, port, family)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Give the threads back without waiting for look-ups that hang."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _lookup(host: str, port: int, family: socket.AddressFamily) -> list[AddressInfo]:
    try:
        return list(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
    except UnicodeError as problem:
        raise socket.gaierror(socket.EAI_NONAME, "the name is not valid") from problem


class AiohttpTransport:
    """Sends webhooks with aiohttp. To be built in a running event loop; one per process, for it keeps connections."""

    def __init__(self, policy: TransportPolicy, allowed: AllowList, ca_file: str | None = None) -> None:
        self._policy = policy
        self._allowed = allowed
        self._resolver = _ThreadedResolver(policy.dns_threads)
        self._session = aiohttp.ClientSession(
            connector=self._connector(_tls_context(ca_file)),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=policy.total_timeout_seconds, ceil_threshold=_EXACT_SECONDS),
            skip_auto_headers=_AUTO_HEADERS,
            auto_decompress=False,
            trust_env=False,
            trace_configs=[_tracing()],
            max_line_size=policy.response_line_bytes_max,
            max_field_size=policy.response_line_bytes_max,
        )

    async def send(self, request: WireRequest) -> WireReply:
        """The answer within the total deadline, or the class of the failure. Never raises for the other side's."""
        try:
            url = URL(request.url)
            phases = _Phases(host=url.raw_host or "", started=time.perf_counter_ns())
        except ValueError:
            return WireReply(timings=Timings(total_us=0), error=ErrorClass.DNS, detail="the URL is not valid")
        token = _CURRENT.set(phases)
        try:
            return await self._exchange(url, request, phases)
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error, detail = _classify(problem, phases)
            return WireReply(timings=phases.timings(), error=error, detail=detail)
        finally:
            _CURRENT.reset(token)

    async def close(self) -> None:
        """Drop idle connections and give up look-ups."""
        await self._session.close()
        await self._resolver.close()

    async def _exchange(self, url: URL, request: WireRequest, phases: _Phases) -> WireReply:
        async with self._session.post(
            url, data=request.body, headers=request.headers, allow_redirects=False, trace_request_ctx=phases
        ) as response:
            phases.head = time.perf_counter_ns()
            body, state = await self._read(response)
            if state is not BodyState.COMPLETE:
                response.close()
            return WireReply(
                timings=phases.timings(),
                status=response.status,
                headers=tuple(response.headers.items()),
                body=body,
                body_state=state,
            )

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, BodyState]:
        """The body up to the cap. The outcome is decided already, so nothing that happens here is an error."""
        body = bytearray()
        try:
            while chunk := await response.content.read(self._policy.response_body_bytes_max + 1 - len(body)):
                body += chunk
                if len(body) > self._policy.response_body_bytes_max:
                    return bytes(body[: self._policy.response_body_bytes_max]), BodyState.CAPPED
        except TimeoutError:
            return bytes(body), BodyState.LATE
        except (aiohttp.ClientError, OSError, ValueError):
            return bytes(body), BodyState.BROKEN
        return bytes(body), BodyState.COMPLETE

    def _connector(self, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            resolver=self._resolver,
            ssl=tls,
            limit=0,
            keepalive_timeout=self._policy.keep_alive_seconds,
            ttl_dns_cache=self._policy.dns_cache_seconds,
            timeout_ceil_threshold=_EXACT_SECONDS,
            socket_factory=self._checked_socket,
        )

    def _checked_socket(self, info: AddressInfo) -> socket.socket:
        """A socket for exactly this address. Raises RefusedDestinationError where it may not go."""
        family, kind, protocol, _, address = info
        phases = _CURRENT.get()
        if not self._allowed.allows_host(phases.host):
            check_address(str(address[0]), self._allowed)
        phases.connect_started = phases.connect_started or time.perf_counter_ns()
        return socket.socket(family=family, type=kind, proto=protocol)


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _tracing() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    trace.on_dns_resolvehost_start.append(_marker("dns_started"))
    trace.on_dns_resolvehost_end.append(_marker("dns_ended"))
    trace.on_connection_create_end.append(_marker("connected"))
    return trace


def _marker(name: str) -> Callable[[aiohttp.ClientSession, SimpleNamespace, Any], Any]:
    async def mark(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
        setattr(context.trace_request_ctx, name, time.perf_counter_ns())

    return mark


def _classify(problem: Exception, phases: _Phases) -> tuple[ErrorClass, str]:
    """The class of a failure before the head of an answer, and what to tell people."""
    if isinstance(problem, aiohttp.ClientConnectorError):
        return _classify_connecting(problem, phases)
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return ErrorClass.TLS, _certificate_problem(problem.certificate_error)
    for kinds, error, detail in _CLASSES:
        if isinstance(problem, kinds):
            return error, detail.format(where=phases.where())
    return ErrorClass.INTERNAL, f"the request could not be sent ({type(problem).__name__})"


def _classify_connecting(problem: aiohttp.ClientConnectorError, phases: _Phases) -> tuple[ErrorClass, str]:
    if isinstance(problem.os_error, RefusedDestinationError):
        return ErrorClass.REFUSED_DESTINATION, str(problem.os_error)
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return ErrorClass.DNS, "the name has no address"
    if phases.tls_started is not None:
        return ErrorClass.TLS, "the TLS handshake failed"
    return ErrorClass.CONNECT, "no connection could be made"


def _certificate_problem(problem: Exception) -> str:
    reason = getattr(problem, "verify_message", "")
    return f"the certificate was not accepted: {reason}" if reason else "the certificate was not accepted"
