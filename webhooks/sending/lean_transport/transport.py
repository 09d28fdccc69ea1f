"""The lean transport: a pool of connections, one protocol object each, and no timer, task or object per phase."""

import asyncio
import time
from dataclasses import dataclass, replace
from functools import lru_cache

from webhooks.sending.destination import AllowList
from webhooks.sending.dialing.dialer import Dialer
from webhooks.sending.dialing.names import Names
from webhooks.sending.dialing.problems import SendError
from webhooks.sending.dialing.progress import Progress, Stage
from webhooks.sending.dialing.tls import TlsContexts, digest_of
from webhooks.sending.dialing.tunnel import EgressProxy
from webhooks.sending.lean_transport.connection import Connection
from webhooks.sending.lean_transport.pool import Pool, Route, Sweeper
from webhooks.sending.lean_transport.reply import ReplyReader
from webhooks.sending.lean_transport.target import Target, parse_target, request_bytes
from webhooks.sending.model import ErrorClass, Timings
from webhooks.sending.transport import TransportPolicy, WireReply, WireRequest

_TARGETS_MAX = 10_000
_SAID_AGAIN = "A kept connection had closed before a byte of answer; the request was sent again on a new one."


@dataclass(slots=True)
class _Exchange:
    """One send under way. `progress` is there once it needed a new connection."""

    request: WireRequest
    route: Route
    wire: bytes
    deadline: float
    started_ns: int
    progress: Progress | None = None


class LeanTransport:
    """Sends webhooks on connections of its own. One per process, for it keeps them."""

    def __init__(
        self,
        policy: TransportPolicy,
        allowed: AllowList,
        ca_file: str | None = None,
        proxy: EgressProxy | None = None,
    ) -> None:
        self._policy = policy
        self._names = Names(policy.dns_cache_seconds, policy.dns_threads)
        self._dialer = Dialer(self._names, TlsContexts(ca_file), allowed, proxy)
        self._pool = Pool(policy.keep_alive_seconds)
        self._sweeper = Sweeper(self._pool)
        self._target = lru_cache(_TARGETS_MAX)(parse_target)

    async def send(self, request: WireRequest) -> WireReply:
        """The answer within the total deadline, or the class of the failure. Never raises for the other side's."""
        started_ns = time.perf_counter_ns()
        try:
            target = self._target(request.url)
        except ValueError:
            return WireReply(timings=Timings(total_us=0), error=ErrorClass.DNS, detail="the URL is not valid")
        try:
            exchange = self._exchange(request, target, started_ns)
        except ValueError:
            return WireReply(timings=Timings(total_us=0), error=ErrorClass.INTERNAL, detail="a header is not valid")
        try:
            return await self._send(exchange)
        except SendError as problem:
            return WireReply(timings=_timings(exchange), error=problem.error, detail=problem.detail)

    async def close(self) -> None:
        """Drop idle connections and give up look-ups."""
        self._sweeper.close()
        self._pool.close()
        self._names.close()

    def _exchange(self, request: WireRequest, target: Target, started_ns: int) -> _Exchange:
        certificate = request.client_certificate
        return _Exchange(
            request=request,
            route=Route(target.place, None if certificate is None else digest_of(certificate)),
            wire=request_bytes(target, request),
            deadline=asyncio.get_running_loop().time() + self._policy.total_timeout_seconds,
            started_ns=started_ns,
        )

    async def _send(self, exchange: _Exchange) -> WireReply:
        """On a kept connection if there is one. That it had closed meanwhile is no failure: a new one is made, once."""
        kept = self._pool.take(exchange.route)
        if kept is None:
            return await self._send_on(await self._dial(exchange), exchange)
        try:
            return await self._send_on(kept, exchange)
        except SendError as problem:
            if problem.error is not ErrorClass.RESET or kept.reader.first_byte_ns:
                raise
        reply = await self._send_on(await self._dial(exchange), exchange)
        return replace(reply, detail=_SAID_AGAIN)

    async def _dial(self, exchange: _Exchange) -> Connection:
        progress = exchange.progress = Progress()
        route = exchange.route
        try:
            async with asyncio.timeout_at(exchange.deadline):
                connection = await self._dialer.dial(
                    route.place, exchange.request.client_certificate, progress, self._connection
                )
        except TimeoutError:
            error = ErrorClass.PROXY if progress.stage is Stage.PROXY else ErrorClass.TIMEOUT
            raise SendError(error, f"the time was over {progress.stage}") from None
        progress.enter(Stage.ANSWER)
        return connection

    async def _send_on(self, connection: Connection, exchange: _Exchange) -> WireReply:
        answer = connection.exchange(exchange.wire)
        self._sweeper.watch(connection, exchange.deadline)
        try:
            await answer
        except BaseException:
            connection.drop()
            raise
        finally:
            self._sweeper.release(connection)
        if connection.problem is not None:
            connection.drop()
            raise connection.problem
        reply = _reply(connection, exchange)
        self._pool.put(exchange.route, connection, asyncio.get_running_loop().time())
        return reply

    def _connection(self) -> Connection:
        reader = ReplyReader(self._policy.response_head_bytes_max, self._policy.response_body_bytes_max)
        return Connection(reader, asyncio.get_running_loop().time())


def _reply(connection: Connection, exchange: _Exchange) -> WireReply:
    reader = connection.reader
    return WireReply(
        timings=_timings(exchange, reader.first_byte_ns),
        status=reader.status,
        headers=tuple(reader.headers),
        body=b"".join(reader.body),
        body_state=reader.body_state,
        certificate_expires_at=exchange.progress.certificate_expires_at if exchange.progress else None,
    )


def _timings(exchange: _Exchange, first_byte_ns: int = 0) -> Timings:
    total_us = (time.perf_counter_ns() - exchange.started_ns) // 1000
    first_byte_us = (first_byte_ns - exchange.started_ns) // 1000 if first_byte_ns else None
    progress = exchange.progress
    if progress is None:
        return Timings(total_us=total_us, first_byte_us=first_byte_us)
    return Timings(
        total_us=total_us,
        dns_us=progress.spent_us(Stage.DNS),
        connect_us=progress.spent_us(Stage.CONNECT, Stage.PROXY),
        tls_us=progress.spent_us(Stage.TLS),
        first_byte_us=first_byte_us,
    )
