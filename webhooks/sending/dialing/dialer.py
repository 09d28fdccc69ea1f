"""Makes connections: the name is resolved here, each address is checked, and the very address is then connected to.

So no name that changes its mind after a look-up, and no odd spelling of an address, gets past the check. TLS still
verifies the host name.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kernel.masked import Secret
from webhooks.sending.destination import AllowList, RefusedDestinationError, check_address
from webhooks.sending.dialing.names import Addresses, Names, NoAddressError
from webhooks.sending.dialing.problems import SendError, tls_problem
from webhooks.sending.dialing.progress import Progress, Stage
from webhooks.sending.dialing.tls import BadCertificateError, TlsContexts, expiry_of
from webhooks.sending.dialing.tunnel import EgressProxy, open_tunnel
from webhooks.sending.model import ErrorClass

# A name with several addresses: the next is tried when one has been silent for so long.
_NEXT_ADDRESS_SECONDS = 2.0
_ADDRESSES_MAX = 4
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class Place(NamedTuple):
    """Where a connection leads, as the URL says it."""

    is_tls: bool
    host: str
    port: int


class Dialer:
    """Makes connections to receivers, directly or through the egress proxy."""

    def __init__(
        self, names: Names, contexts: TlsContexts, allowed: AllowList, proxy: EgressProxy | None = None
    ) -> None:
        self._names = names
        self._contexts = contexts
        self._allowed = allowed
        self._proxy = proxy

    async def dial(
        self, place: Place, certificate: Secret | None, progress: Progress, protocol: Callable[[], _Protocol]
    ) -> _Protocol:
        """A connection that is ready for a request. Raises SendError; bounded only by who awaits it."""
        addresses = self._checked(place, await self._resolve(place.host))
        sock = await self._reach(addresses, place.port, progress)
        try:
            if place.is_tls:
                return await self._secure(sock, place.host, certificate, progress, protocol)
            return (await asyncio.get_running_loop().create_connection(protocol, sock=sock))[1]
        except BaseException:
            sock.close()
            raise

    async def _resolve(self, host: str) -> Addresses:
        try:
            return await self._names.find(host)
        except NoAddressError as problem:
            raise SendError(ErrorClass.DNS, str(problem)) from None

    def _checked(self, place: Place, addresses: Addresses) -> Addresses:
        """Those that may be reached. A name on the allow-list is reached wherever it leads."""
        if self._allowed.allows_host(place.host):
            return addresses
        open_ones = tuple(address for address in addresses if self._is_open(address))
        if not open_ones:
            raise SendError(ErrorClass.REFUSED_DESTINATION, "the address is in a special-purpose range")
        return open_ones

    def _is_open(self, address: str) -> bool:
        try:
            check_address(address, self._allowed)
        except RefusedDestinationError:
            return False
        return True

    async def _reach(self, addresses: Addresses, port: int, progress: Progress) -> socket.socket:
        if self._proxy is None:
            progress.enter(Stage.CONNECT)
            return await _connect_to_any(addresses, port)
        progress.enter(Stage.PROXY)
        sock = await self._reach_proxy(self._proxy)
        try:
            await open_tunnel(sock, addresses[0], port, self._proxy)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _reach_proxy(self, proxy: EgressProxy) -> socket.socket:
        try:
            return await _connect_to_any(await self._names.find(proxy.host), proxy.port)
        except (NoAddressError, SendError):
            raise SendError(ErrorClass.PROXY, "the egress proxy cannot be reached") from None

    async def _secure(
        self,
        sock: socket.socket,
        host: str,
        certificate: Secret | None,
        progress: Progress,
        protocol: Callable[[], _Protocol],
    ) -> _Protocol:
        context = await self._context(certificate)
        progress.enter(Stage.TLS)
        transport, secured = await _shake_hands(protocol, sock, context, host)
        progress.certificate_expires_at = expiry_of(transport.get_extra_info("ssl_object"))
        return secured

    async def _context(self, certificate: Secret | None) -> ssl.SSLContext:
        try:
            return await self._contexts.get(certificate)
        except BadCertificateError as problem:
            raise SendError(ErrorClass.INTERNAL, str(problem)) from None


async def _shake_hands(
    protocol: Callable[[], _Protocol], sock: socket.socket, context: ssl.SSLContext, host: str
) -> tuple[asyncio.Transport, _Protocol]:
    try:
        return await asyncio.get_running_loop().create_connection(
            protocol, sock=sock, ssl=context, server_hostname=host.rstrip(".")
        )
    except OSError as problem:  # ssl.SSLError is one
        raise SendError(ErrorClass.TLS, tls_problem(problem)) from None


async def _connect_to_any(addresses: Addresses, port: int) -> socket.socket:
    """The first address that answers. Raises SendError for the last that does not."""
    *earlier, last = addresses[:_ADDRESSES_MAX]
    for address in earlier:
        with contextlib.suppress(TimeoutError, SendError):
            async with asyncio.timeout(_NEXT_ADDRESS_SECONDS):
                return await _connect(address, port)
    return await _connect(last, port)


async def _connect(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except OSError as problem:
        sock.close()
        raise SendError(ErrorClass.CONNECT, _connect_problem(problem)) from None
    except BaseException:
        sock.close()
        raise
    return sock


def _connect_problem(problem: OSError) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "the connection was refused: nothing listens there"
    if problem.errno in _UNREACHABLE:
        return "the host or its network cannot be reached"
    return "no connection could be made"
