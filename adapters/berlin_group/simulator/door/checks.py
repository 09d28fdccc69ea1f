"""Checks a request as the standard has a bank check it, before anybody looks at what it asks."""

import base64
import datetime as dt
import ipaddress
from typing import Final
from uuid import UUID

from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from adapters.berlin_group.simulator.door.certificates import ACCOUNTS, PAYMENTS, roles_of
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.messages import Refused
from adapters.signing.http_signature import ALWAYS, IF_SENT, parameters_of, verify
from adapters.signing.profile import Signable

# What some banks want signed beyond the standard's list.
_TOLERATED: Final = frozenset({"date", "(request-target)"})


class RequestIds:
    """Remembers X-Request-ID: a bank takes each one once."""

    def __init__(self) -> None:
        self._seen: set[UUID] = set()

    def check(self, request: web.Request) -> None:
        """Raises Refused for one that is missing, no UUID, or was there before."""
        try:
            given = UUID(request.headers.get("X-Request-ID", ""))
        except ValueError:
            raise Refused(400, "FORMAT_ERROR", "X-Request-ID") from None
        if given in self._seen:
            raise Refused(400, "FORMAT_ERROR", "X-Request-ID")
        self._seen.add(given)


def check_connection(request: web.Request) -> None:
    """A TLS certificate that carries roles must carry the one that is used. Raises Refused."""
    connection = request.transport.get_extra_info("ssl_object") if request.transport else None
    presented = connection.getpeercert(binary_form=True) if connection is not None else None
    if presented is not None:
        roles = roles_of(x509.load_der_x509_certificate(presented))
        if roles and _role(request.path) not in roles:
            raise Refused(401, "ROLE_INVALID")


def check_signature(request: web.Request, body: bytes, authority: x509.Certificate) -> None:
    """Certificate, digest, list of signed headers and signature. Raises Refused."""
    if "Signature" not in request.headers or "Digest" not in request.headers:
        raise Refused(401, "SIGNATURE_MISSING")
    certificate = _certificate(request, authority)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Signable(method=request.method, path=request.path_qs, headers=headers, body=body)
    signed = parameters_of(request.headers["Signature"]).get("headers", "").split()
    if set(signed) - _TOLERATED != {*ALWAYS, *(name for name in IF_SENT if name in headers)}:
        raise Refused(401, "SIGNATURE_INVALID", "Signature")
    if not verify(headers, body, certificate, call):
        raise Refused(401, "SIGNATURE_INVALID")


def check_payer(request: web.Request, habits: Habits, *, needed: bool) -> None:
    """The payer's IP address, where the standard wants it, or where it is given. Raises Refused."""
    given = request.headers.get("PSU-IP-Address")
    if given is None and not needed:
        return
    try:
        address = ipaddress.ip_address(given or "")
    except ValueError:
        raise Refused(400, "FORMAT_ERROR", "PSU-IP-Address") from None
    if address.version == 6 and not habits.takes_ipv6:
        raise Refused(400, "FORMAT_ERROR", "PSU-IP-Address")


def _certificate(request: web.Request, authority: x509.Certificate) -> x509.Certificate:
    given = request.headers.get("TPP-Signature-Certificate")
    if given is None:
        raise Refused(401, "CERTIFICATE_MISSING")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(given, validate=True))
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        raise Refused(401, "CERTIFICATE_INVALID") from None
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise Refused(401, "CERTIFICATE_EXPIRED")
    if _role(request.path) not in roles_of(certificate):
        raise Refused(401, "ROLE_INVALID")
    serial = parameters_of(request.headers["Signature"]).get("keyId", "").partition(",")[0]
    if serial != f"SN={certificate.serial_number:x}":
        raise Refused(401, "CERTIFICATE_INVALID", "Signature")
    return certificate


def _role(path: str) -> str:
    return PAYMENTS if path.startswith("/v1/payments/") else ACCOUNTS
