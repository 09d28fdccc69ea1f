"""Whether a notification is the bank's, for us, and recent: a Security Event Token (RFC 8417), signed by PS256.

The body is the token itself, with its signature in it. Banks sign it with the header that they sign answers with
("Message Signing" of the Read/Write profile), or with a plain one of `alg`, `kid` and `typ`; both are believed.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from adapters.contract import BankSettings, Receipt
from adapters.open_banking_uk.requests import INTERACTION_ID
from adapters.signing.detached_jws import CLAIMS, REGISTRY, claims_hold
from adapters.signing.keys import public_keys

_BYTES_MAX = 65_536
_ID_LENGTH_MAX = 128
_INTERACTION_LENGTH_MAX = 64
_TYPES = frozenset({"JOSE", "JWT", "SECEVENT+JWT"})
_KNOWN = frozenset({"alg", "kid", "typ", "cty", "crit", *CLAIMS})
_ALGORITHM = "PS256"
_SKEW_SECONDS = 60
# A bank that is not answered sends the same token again, for as long as its own policy says.
_AGE_SECONDS_MAX = 3 * 86_400


class Doubted(ValueError):
    """The token is not to be believed; `why` is a code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def verify(raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime) -> Receipt:
    """What can be said of the body at the door; the answer plays the bank's interaction id back. Never raises."""
    echo = _echo(headers)
    try:
        token_id = _believed(raw, settings, now)
    except Doubted as doubted:
        return Receipt(
            verified=False, dedupe_key=sha256(b"unverified:" + raw).digest(), refused_why=doubted.why, headers=echo
        )
    return Receipt(verified=True, dedupe_key=sha256(b"verified:" + token_id.encode()).digest(), headers=echo)


def claims_of(raw: bytes) -> dict[str, Any]:
    """The claims of a token, whoever signed it. Raises Doubted for what is no token."""
    return _object(raw, part=1)


def _believed(raw: bytes, settings: BankSettings, now: datetime) -> str:
    """The token's id, once all that it says of itself holds. Raises Doubted."""
    if len(raw) > _BYTES_MAX:
        raise Doubted("too_large")
    _check_signature(raw, settings, now)
    claims = claims_of(raw)
    _check_parties(claims, settings)
    _check_time(claims.get("iat"), now)
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= _ID_LENGTH_MAX:
        raise Doubted("no_id")
    return token_id


def _check_signature(raw: bytes, settings: BankSettings, now: datetime) -> None:
    header = _object(raw, part=0)
    try:
        key = public_keys(settings.options["bank_jwks"]).get(str(header.get("kid")))
        if key is None or not _rules_hold(header, settings, now):
            raise Doubted("bad_signature")
        jws.deserialize_compact(raw, key, registry=REGISTRY)
    except (ValueError, LookupError, TypeError, JoseError):
        raise Doubted("bad_signature") from None


def _rules_hold(header: Mapping[str, Any], settings: BankSettings, now: datetime) -> bool:
    """Of the standard's own three members all are there and hold, or none is."""
    signed_as_answers_are = "crit" in header or not CLAIMS.isdisjoint(header)
    crit = header.get("crit", [])
    return (
        set(header) <= _KNOWN
        and header.get("alg") == _ALGORITHM
        and str(header.get("typ", "JWT")).upper() in _TYPES
        and (not signed_as_answers_are or (isinstance(crit, list) and set(map(str, crit)) == CLAIMS))
        and (not signed_as_answers_are or claims_hold(header, settings, now))
    )


def _check_parties(claims: Mapping[str, Any], settings: BankSettings) -> None:
    """From this bank, and for us; a bank that names either otherwise than in its consents has options for it."""
    options = settings.options
    if claims.get("iss") != options.get("notification_issuer", options.get("issuer")):
        raise Doubted("wrong_issuer")
    told = claims.get("aud")
    if options.get("notification_audience", options.get("client_id")) not in (
        told if isinstance(told, list) else [told]
    ):
        raise Doubted("wrong_audience")


def _check_time(issued_at: object, now: datetime) -> None:
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool):
        raise Doubted("no_time")
    age_seconds = now.timestamp() - issued_at
    if age_seconds > _AGE_SECONDS_MAX:
        raise Doubted("too_old")
    if age_seconds < -_SKEW_SECONDS:
        raise Doubted("from_the_future")


def _object(raw: bytes, part: int) -> dict[str, Any]:
    try:
        parts = raw.split(b".")
        value = orjson.loads(urlsafe_b64decode(parts[part])) if len(parts) == 3 else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Doubted("unreadable")
    return value


def _echo(headers: Mapping[str, str]) -> dict[str, str]:
    told = headers.get(INTERACTION_ID, "")
    fits = 1 <= len(told) <= _INTERACTION_LENGTH_MAX and told.isascii() and told.isprintable()
    return {INTERACTION_ID: told} if fits else {}
