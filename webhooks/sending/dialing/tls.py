"""TLS towards receivers: verified by the system's authorities, with a client certificate where an endpoint has one."""

import asyncio
import hashlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kernel.masked import Secret

_CONTEXTS_MAX = 256


class BadCertificateError(Exception):
    """The endpoint's client certificate cannot be used. A fault on our side of the wire."""


class TlsContexts:
    """One context for all receivers, and one for each client certificate in use; the least used are forgotten."""

    def __init__(self, ca_file: str | None = None, kind: type[ssl.SSLContext] = ssl.SSLContext) -> None:
        self._ca_file = ca_file
        self._kind = kind
        self._by_digest: dict[bytes, asyncio.Task[ssl.SSLContext]] = {}

    async def get(self, certificate: Secret | None) -> ssl.SSLContext:
        """The context to shake hands with. Raises BadCertificateError."""
        digest = b"" if certificate is None else digest_of(certificate)
        building = self._by_digest.pop(digest, None)
        if building is None or (building.done() and building.exception() is not None):
            # Reading the system's authorities takes about 60 ms, too long for the event loop.
            building = asyncio.create_task(asyncio.to_thread(self._build, certificate))
        self._by_digest[digest] = building
        if len(self._by_digest) > _CONTEXTS_MAX:
            del self._by_digest[next(iter(self._by_digest))]
        return await asyncio.shield(building)

    def _build(self, certificate: Secret | None) -> ssl.SSLContext:
        context = self._kind(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        context.set_alpn_protocols(["http/1.1"])
        if certificate is not None:
            _load(context, certificate)
        return context


def digest_of(certificate: Secret) -> bytes:
    """What tells client certificates apart without being one."""
    return hashlib.sha256(certificate.reveal().encode()).digest()


def expiry_of(tls: ssl.SSLObject) -> datetime | None:
    """When the certificate that the receiver has shown ends."""
    ends = (tls.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None


def _load(context: ssl.SSLContext, certificate: Secret) -> None:
    """Python's ssl reads files only; this one is in memory, or else gone at once. A locked key is refused unasked."""
    try:
        with _file_of(certificate.reveal().encode()) as path:
            context.load_cert_chain(path, password="")
    except (ssl.SSLError, OSError, ValueError):
        raise BadCertificateError("the endpoint's client certificate cannot be used") from None


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as memory:
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.TemporaryDirectory() as folder:  # made with mode 0700
        file = Path(folder) / "certificate.pem"
        file.write_bytes(content)
        yield str(file)
