"""From a Redis URL to an open connection: TCP, TLS or a Unix socket, authenticated, in its database."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from redis.asyncio import ConnectionPool, SSLConnection, UnixDomainSocketConnection

from kernel.masked import Secret
from kernel.redis.resp import pack

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a URL says. The driver reads it, so that all of its parameters mean what they mean there."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: Secret | None = None
    database: int = 0

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises ValueError for what is no Redis URL."""
        pool: Any = ConnectionPool.from_url(url)  # its methods are not typed
        told = pool.make_connection()
        password = None if told.password is None else Secret(told.password)
        common = {"username": told.username, "password": password, "database": int(told.db or 0)}
        if isinstance(told, UnixDomainSocketConnection):
            return cls(path=told.path, **common)
        tls = told.ssl_context.get() if isinstance(told, SSLConnection) else None
        return cls(host=told.host, port=int(told.port), tls=tls, **common)

    async def open(self, made: Callable[[], Protocol]) -> Protocol:
        """A connected protocol. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.path:
            return (await loop.create_unix_connection(made, self.path))[1]
        return (await loop.create_connection(made, self.host, self.port, ssl=self.tls))[1]

    def greeting(self) -> Iterator[bytes]:
        """The commands to begin with; each is answered OK, or the connection is of no use."""
        if self.password is not None:
            user = () if self.username is None else (self.username,)
            yield pack("AUTH", *user, self.password.reveal())
        if self.database:
            yield pack("SELECT", self.database)
