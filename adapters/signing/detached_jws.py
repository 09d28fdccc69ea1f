"""Detached JSON Web Signatures in the header `x-jws-signature`, as the Open Banking UK standard asks for them.

PS256 over the exact body that leaves (RFC 7515, RFC 7518 §3.5), written `header..signature` (RFC 7515 appendix F).
The protected header says when, by whom and under whose trust, in three members of the standard's own, and `crit` lists
exactly those. Banks at version 3.1.3 or earlier have the body signed unencoded (RFC 7797), and list `b64` as well.

The Read/Write profile, "Message Signing", is the source of every rule here.
"""

from binascii import Error as NoBase64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.registry import HeaderParameter
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from adapters.contract import BankSettings
from adapters.signing.keys import private_key, public_keys
from adapters.signing.profile import Signable, SigningProfile
from adapters.wire import WireReply

HEADER = "x-jws-signature"
UNENCODED = "unencoded"
IAT, ISS, TAN = (f"http://openbanking.org.uk/{name}" for name in ("iat", "iss", "tan"))
CLAIMS = frozenset({IAT, ISS, TAN})
TRUST_ANCHOR = "openbanking.org.uk"

_ALGORITHM = "PS256"
_KNOWN = frozenset({"alg", "kid", "typ", "cty", "crit", *CLAIMS})
_CONTENT_TYPES = frozenset({"json", "application/json"})
_SKEW_SECONDS = 30
REGISTRY = jws.JWSRegistry(
    header_registry={
        "b64": HeaderParameter("Unencoded payload", "bool"),
        IAT: HeaderParameter("Issued at", "int"),
        ISS: HeaderParameter("Issuer", "str"),
        TAN: HeaderParameter("Trust anchor", "str"),
    },
    algorithms=[_ALGORITHM],
)


def profile() -> SigningProfile:
    """The profile of this module."""
    return DetachedJws()


class DetachedJws:
    """Signs requests that have a body, and believes answers that the bank signed.

    Settings: secret `signing_key`; options `signing_key_id`, `signature_issuer`, `bank_jwks`, and where they are not
    the standard's `signature_trust_anchor` and `signature_payload`. With `answer_signatures` "ignored" nothing is
    verified.
    """

    def headers(self, call: Signable, settings: BankSettings, now: datetime) -> dict[str, str]:
        """The signature of the body; none for a request without one. Raises ValueError for unusable settings."""
        if not call.body:
            return {}
        try:
            return {HEADER: _signed(call.body, settings, now)}
        except LookupError:
            raise ValueError("a setting that signatures need is missing") from None

    def believes(self, reply: WireReply, settings: BankSettings, now: datetime) -> bool:
        """Whether the bank signed the body: a success must be signed, and an error by nobody else."""
        if settings.options.get("answer_signatures") == "ignored":
            return True
        signature = reply.headers.get(HEADER)
        if signature is None:
            return not 200 <= reply.status < 300
        return verified(signature, reply.body, settings, now)


def verified(signature: str, body: bytes, settings: BankSettings, now: datetime) -> bool:
    """Whether this signature is the bank's, over exactly these bytes. Never raises."""
    try:
        header = _protected(signature)
        keys = public_keys(settings.options["bank_jwks"])
        if not _rules_hold(header, settings, now) or header["kid"] not in keys:
            return False
        _verify(signature, body, keys[header["kid"]], unencoded="b64" in header)
    except (ValueError, LookupError, TypeError, JoseError):
        return False
    return True


def sign(body: bytes, key: RSAKey, protected: dict[str, Any]) -> str:
    """The detached signature of these bytes under this protected header. Raises ValueError for a key that cannot."""
    try:
        whole = jws.serialize_compact(protected, body, key, registry=REGISTRY)
    except JoseError:
        raise ValueError("the signing key cannot sign") from None
    return f"{whole.partition('.')[0]}..{whole.rpartition('.')[2]}"


def protected_header(key_id: str, issuer: str, trust_anchor: str, at: datetime, *, unencoded: bool) -> dict[str, Any]:
    """The protected header that the standard asks for."""
    header: dict[str, Any] = {
        "alg": _ALGORITHM,
        "kid": key_id,
        "typ": "JOSE",
        "cty": "application/json",
        IAT: int(at.timestamp()),
        ISS: issuer,
        TAN: trust_anchor,
        "crit": [IAT, ISS, TAN],
    }
    return header if not unencoded else {**header, "b64": False, "crit": ["b64", *header["crit"]]}


def _signed(body: bytes, settings: BankSettings, now: datetime) -> str:
    options = settings.options
    protected = protected_header(
        options["signing_key_id"],
        options["signature_issuer"],
        options.get("signature_trust_anchor", TRUST_ANCHOR),
        now,
        unencoded=options.get("signature_payload") == UNENCODED,
    )
    return sign(body, private_key(settings.secrets["signing_key"]), protected)


def _protected(signature: str) -> dict[str, Any]:
    """The protected header of `header..signature`. Raises ValueError for any other form."""
    header, payload, _ = signature.split(".")
    if payload:
        raise ValueError("the signature is not detached")
    try:
        parsed = orjson.loads(urlsafe_b64decode(header.encode("ascii")))
    except NoBase64:
        raise ValueError("the header is not encoded") from None
    if not isinstance(parsed, dict):
        raise ValueError("the header is no object")  # noqa: TRY004 - it is the bank's word, not our argument
    return parsed


def _rules_hold(header: dict[str, Any], settings: BankSettings, now: datetime) -> bool:
    """Whether the protected header says all that it must, and nothing else."""
    unencoded = settings.options.get("signature_payload") == UNENCODED
    known = _KNOWN | {"b64"} if unencoded else _KNOWN
    critical = {"b64", *CLAIMS} if unencoded else CLAIMS
    crit = header.get("crit")
    return (
        set(header) <= known
        and header.get("alg") == _ALGORITHM
        and header.get("typ", "JOSE") == "JOSE"
        and header.get("cty", "json") in _CONTENT_TYPES
        and isinstance(crit, list)
        and sorted(map(str, crit)) == sorted(critical)
        and ("b64" not in critical or header.get("b64") is False)
        and claims_hold(header, settings, now)
    )


def claims_hold(header: Mapping[str, Any], settings: BankSettings, now: datetime) -> bool:
    """Whether the standard's own members of a header say when, by whom and under whose trust, as the settings want."""
    issued_at, issuer = header.get(IAT), header.get(ISS)
    return (
        isinstance(issued_at, int | float)
        and not isinstance(issued_at, bool)
        and issued_at <= now.timestamp() + _SKEW_SECONDS
        and isinstance(issuer, str)
        and issuer == settings.options.get("bank_signature_issuer", issuer)
        and header.get(TAN) == settings.options.get("signature_trust_anchor", TRUST_ANCHOR)
    )


def _verify(signature: str, body: bytes, key: RSAKey, *, unencoded: bool) -> None:
    header, _, proof = signature.split(".")
    if unencoded:
        jws.deserialize_compact(signature, key, registry=REGISTRY, payload=body)
        return
    payload = urlsafe_b64encode(body).decode("ascii")
    jws.deserialize_compact(f"{header}.{payload}.{proof}", key, registry=REGISTRY)
