"""The line to one bank: session, TLS, bulkheads and breakers. There is one per bank and version of its settings.

Account information has a lane of its own, so that neither its load nor its failures keep a payment waiting.
"""

import asyncio
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

import aiohttp

from adapters.contract import Bank, BankSettings
from adapters.engine.guards import Breaker, BreakerPolicy, Bulkhead, BulkheadPolicy
from adapters.engine.recent import Recent
from adapters.engine.transport import Call, Course, never_twice, perform, tracing


class Lane:
    """The slots and the breaker of one kind of calls."""

    def __init__(self, bulkhead: BulkheadPolicy, breaker: BreakerPolicy, monotonic: Callable[[], float]) -> None:
        self.bulkhead = Bulkhead(bulkhead)
        self.breaker = Breaker(breaker, monotonic)


class Line:
    """Opened at the first call, closed when its settings were replaced and its last call ended."""

    def __init__(
        self, bank: Bank, bulkhead: BulkheadPolicy, breaker: BreakerPolicy, monotonic: Callable[[], float]
    ) -> None:
        self.bank = bank
        self.paying = Lane(bulkhead, breaker, monotonic)
        self.reading = Lane(bulkhead, breaker, monotonic)
        self.recent = Recent(monotonic)
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._users = 0
        self._retired = False

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        await self._close_if_unused()

    async def send(self, call: Call) -> Course:
        """Make one call. Raises ValueError or OSError where the TLS settings cannot be used, OSError once closed."""
        if self._retired and not self._users:
            raise OSError("this line is closed")
        async with self:
            return await perform(await self._open(), call)

    async def retire(self) -> None:
        """Close as soon as nobody uses it."""
        self._retired = True
        await self._close_if_unused()

    async def _close_if_unused(self) -> None:
        if self._retired and not self._users and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _open(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                context = await asyncio.to_thread(tls_context, self.bank.settings)
                self._session = _session(context)
            return self._session


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    """No cookies, no redirects, no proxies from the environment, no decompression, one call per connection."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        middlewares=(never_twice,),
        trace_configs=[tracing()],
    )


def tls_context(settings: BankSettings) -> ssl.SSLContext:
    """TLS 1.2 or later, checked against the bank's authority or the system's, with our certificate if there is one.

    Blocking: it reads the system's certificates. Raises ValueError (ssl.SSLError is an OSError) for unusable settings.
    """
    context = ssl.create_default_context(cadata=settings.options.get("tls_ca"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = settings.secrets.get("tls_certificate"), settings.secrets.get("tls_key")
    if (certificate is None) != (key is None):
        raise ValueError("a client certificate and its key come together")
    if certificate is not None and key is not None:
        _load_certificate(context, f"{certificate.reveal()}\n{key.reveal()}\n")
    return context


def _load_certificate(context: ssl.SSLContext, pem: str) -> None:
    # OpenSSL's Python binding reads certificates from files only; this one is private and gone at once.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.touch(mode=0o600)
        path.write_text(pem, encoding="ascii")
        context.load_cert_chain(path)
