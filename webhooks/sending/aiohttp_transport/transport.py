"""The transport on aiohttp's client.

Every socket is made by `_checked_socket`, with the very address that is then connected to, so no name that changes its
mind after a look-up and no odd spelling of an address gets past the check. TLS still verifies the URL's host name.
"""

import asyncio
import functools
import socket
import time
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from webhooks.sending.aiohttp_transport.phases import CURRENT, Phases, TimedContext, tracing
from webhooks.sending.aiohttp_transport.protocol import HeadFirstHandler
from webhooks.sending.aiohttp_transport.resolver import NamesResolver
from webhooks.sending.destination import AllowList, RefusedDestinationError, check_address
from webhooks.sending.dialing.names import Names
from webhooks.sending.dialing.problems import tls_problem
from webhooks.sending.dialing.tls import BadCertificateError, TlsContexts, expiry_of
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


class AiohttpTransport:
    """Sends webhooks with aiohttp. To be built in a running event loop; one per process, for it keeps connections."""

    def __init__(self, policy: TransportPolicy, allowed: AllowList, ca_file: str | None = None) -> None:
        self._policy = policy
        self._allowed = allowed
        self._resolver = NamesResolver(Names(policy.dns_cache_seconds, policy.dns_threads))
        self._contexts = TlsContexts(ca_file, TimedContext)
        self._session = aiohttp.ClientSession(
            connector=self._connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=policy.total_timeout_seconds, ceil_threshold=_EXACT_SECONDS),
            skip_auto_headers=_AUTO_HEADERS,
            auto_decompress=False,
            trust_env=False,
            trace_configs=[tracing()],
            max_line_size=policy.response_head_bytes_max,
            max_field_size=policy.response_head_bytes_max,
        )

    async def send(self, request: WireRequest) -> WireReply:
        """The answer within the total deadline, or the class of the failure. Never raises for the other side's."""
        try:
            url = _url(request.url)
        except ValueError:
            return WireReply(timings=Timings(total_us=0), error=ErrorClass.DNS, detail="the URL is not valid")
        phases = Phases(host=url.raw_host or "", started=time.perf_counter_ns())
        token = CURRENT.set(phases)
        try:
            return await self._exchange(url, request, phases)
        except BadCertificateError as problem:
            return WireReply(timings=phases.timings(), error=ErrorClass.INTERNAL, detail=str(problem))
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error, detail = _classify(problem, phases)
            return WireReply(timings=phases.timings(), error=error, detail=detail)
        finally:
            CURRENT.reset(token)

    async def close(self) -> None:
        """Drop idle connections and give up look-ups."""
        await self._session.close()
        await self._resolver.close()

    async def _exchange(self, url: URL, request: WireRequest, phases: Phases) -> WireReply:
        tls = await self._contexts.get(request.client_certificate) if url.scheme == "https" else True
        async with self._session.request(
            request.method,
            url,
            data=request.body if request.method == "POST" else None,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=phases,
            ssl=tls,
        ) as response:
            phases.head = time.perf_counter_ns()
            body, state = await self._read(response)
            if state is not BodyState.COMPLETE:
                response.close()
            return WireReply(
                timings=phases.timings(),
                status=response.status,
                headers=tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
                ),
                body=body,
                body_state=state,
                certificate_expires_at=expiry_of(phases.tls) if phases.tls else None,
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

    def _connector(self) -> aiohttp.TCPConnector:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            limit=0,
            keepalive_timeout=self._policy.keep_alive_seconds,
            use_dns_cache=False,  # the resolver has one
            timeout_ceil_threshold=_EXACT_SECONDS,
            socket_factory=self._checked_socket,
        )
        # aiohttp has no public way to choose the protocol; the contract suite notices if this one stops to count.
        factory = functools.partial(HeadFirstHandler, asyncio.get_running_loop())
        connector._factory = cast("functools.partial[ResponseHandler]", factory)  # noqa: SLF001 - see above
        return connector

    def _checked_socket(self, info: AddressInfo) -> socket.socket:
        """A socket for exactly this address. Raises RefusedDestinationError where it may not go."""
        family, kind, protocol, _, address = info
        phases = CURRENT.get()
        if not self._allowed.allows_host(phases.host):
            check_address(str(address[0]), self._allowed)
        phases.connect_started = phases.connect_started or time.perf_counter_ns()
        return socket.socket(family=family, type=kind, proto=protocol)


def _url(text: str) -> URL:
    url = URL(text, encoded=text.isascii())
    if url.scheme not in {"http", "https"} or not url.raw_host or not url.port:
        raise ValueError("not an absolute http or https URL")
    return url


def _classify(problem: Exception, phases: Phases) -> tuple[ErrorClass, str]:
    """The class of a failure before the head of an answer, and what to tell people."""
    if isinstance(problem, aiohttp.ClientConnectorError):
        return _classify_connecting(problem, phases)
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return ErrorClass.TLS, tls_problem(problem.certificate_error)
    for kinds, error, detail in _CLASSES:
        if isinstance(problem, kinds):
            return error, detail.format(where=phases.where())
    return ErrorClass.INTERNAL, f"the request could not be sent ({type(problem).__name__})"


def _classify_connecting(problem: aiohttp.ClientConnectorError, phases: Phases) -> tuple[ErrorClass, str]:
    if isinstance(problem.os_error, RefusedDestinationError):
        return ErrorClass.REFUSED_DESTINATION, str(problem.os_error)
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return ErrorClass.DNS, str(problem.os_error)
    if phases.tls_started is not None:
        return ErrorClass.TLS, tls_problem(problem.os_error)
    return ErrorClass.CONNECT, "no connection could be made"
