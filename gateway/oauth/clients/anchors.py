"""Lets clients show certificates of their own where TLS ends in this process, which must know them beforehand.

A certificate that a client no longer has may still be shown, and then proves nothing: who a client is, is decided by
gateway/oauth/authentication alone.
"""

import ssl
from collections.abc import Callable, Iterable

import asyncpg
import structlog

from gateway.oauth.clients.credentials import open_rows
from kernel import sql
from kernel.sealing import Vault
from kernel.tasks import Rereader

_QUERIES = sql.beside(__file__, "anchors.sql")
_REFRESH_SECONDS = 0.5
_log = structlog.get_logger()


class CertificateAnchors:
    """Hands every registered certificate to `trust`, a new one within a second."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, trust: Callable[[bytes], None]) -> None:
        self._pool = pool
        self._vault = vault
        self._trust = trust
        self._version = 0
        self._rereader = Rereader("client_certificates", self.refresh, _REFRESH_SECONDS)

    async def start(self) -> None:
        """Read all of them once, then what changes."""
        await self._rereader.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._rereader.close()

    async def refresh(self) -> None:
        """Read what has changed now."""
        rows = await self._pool.fetch(_QUERIES["list_own_certificates"], self._version, timeout=5)
        for row, opened in zip(rows, await open_rows(self._vault, rows), strict=True):
            self._version = max(self._version, row["version"])
            self._trust_all(opened.certificates)

    def _trust_all(self, certificates: Iterable[bytes]) -> None:
        for der in certificates:
            try:
                self._trust(der)
            except ssl.SSLError as error:
                _log.warning("client_certificate.not_trusted", reason=error.reason)
