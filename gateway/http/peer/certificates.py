"""The caller's TLS client certificate: of this very connection, or told by a proxy of ours (RFC 9440).

A certificate here is one whose private key the caller has proven to hold, and nothing more: who issued it, and whom it
names, is judged where it is used (gateway/oauth/authentication).
"""

import hashlib
import ssl
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.http.peer.address import Network, is_proxy

HEADER = "Client-Cert"
# A byte sequence of RFC 8941 §3.3.5 stands between colons. A certificate of more bytes is none that we would take.
_COLON = ":"
_ENCODED_LENGTH_MAX = 16_384


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """An X.509 certificate in DER."""

    der: bytes

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the DER in base64url without padding: `x5t#S256` (RFC 8705 §3.1)."""
        return urlsafe_b64encode(hashlib.sha256(self.der).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerCertificates:
    """Finds the certificate of a request's caller.

    `proxies` are the networks of our own proxies in front. Only `are_told` says that they carry Client-Cert: a proxy
    that does not know the header passes on what a caller wrote into it.
    """

    proxies: Sequence[Network] = ()
    are_told: bool = False

    def of(self, request: web.Request) -> ClientCertificate | None:
        """The caller's certificate, or None. What a proxy itself showed is never the caller's (RFC 9440 §4)."""
        if is_proxy(request.remote, self.proxies):
            return _told(request.headers.getall(HEADER, [])) if self.are_told else None
        connection = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
        der = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLObject) else None
        return ClientCertificate(der) if der else None


def _told(values: Sequence[str]) -> ClientCertificate | None:
    """What is not one byte sequence tells nothing."""
    text = values[0].strip() if len(values) == 1 else ""
    inner = text[1:-1]
    if text != f"{_COLON}{inner}{_COLON}" or not 0 < len(inner) <= _ENCODED_LENGTH_MAX:
        return None
    try:
        return ClientCertificate(b64decode(inner, validate=True))
    except ValueError:
        return None
