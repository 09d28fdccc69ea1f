"""What the token endpoint's answer to an authorisation code brings (RFC 6749 §5)."""

import base64
import re
from typing import Any

import orjson

from adapters.contract import Evidence, Grant, Verdict
from adapters.open_banking_uk.tables.errors import CODE_REFUSALS
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, code_of, read_object
from adapters.wire import WireReply
from kernel.masked import Secret

_TOKEN = re.compile(r"[!-~]{1,8192}")
_OK, _BAD_REQUEST = 200, 400


def code_exchanged(reply: WireReply) -> Evidence:
    """What the answer proves; never raises."""
    try:
        return Evidence(verdict=Verdict.ACCEPTED, grant=grant_of(reply), consent_id=intent_of(reply))
    except Unreadable:
        return _refused(reply)


def grant_of(reply: WireReply) -> Grant:
    """The access that was given. Raises Unreadable."""
    body = read_object(reply.body)
    token_type = body.get("token_type")
    if reply.status != _OK or not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise Unreadable
    return Grant(
        access_token=_token(body.get("access_token")),
        lifetime_seconds=_seconds(body.get("expires_in")),
        refresh_token=_token(body["refresh_token"]) if body.get("refresh_token") else None,
    )


def intent_of(reply: WireReply) -> str | None:
    """The consent that the ID token names; None where it names none, or is encrypted.

    It came from the token endpoint itself, so its signature proves nothing more (OpenID Connect Core §3.1.3.7, 6).
    """
    token = read_object(reply.body).get("id_token")
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    intent = claims.get("openbanking_intent_id") if isinstance(claims, dict) else None
    return intent if isinstance(intent, str) else None


def error_of(reply: WireReply) -> str | None:
    """The error code of RFC 6749 §5.2, if the answer is one."""
    try:
        body: dict[str, Any] = read_object(reply.body)
    except Unreadable:
        return None
    return code_of(body.get("error"))


def _refused(reply: WireReply) -> Evidence:
    code = error_of(reply)
    refused = reply.status == _BAD_REQUEST and code in CODE_REFUSALS
    return Evidence(
        verdict=Verdict.REJECTED if refused else Verdict.UNKNOWN,
        raw_code=code,
        reason=CODE_REFUSALS.get(code or ""),
        retry_after_seconds=retry_after_seconds(reply.headers),
    )


def _token(value: object) -> Secret:
    if not isinstance(value, str) or _TOKEN.fullmatch(value) is None:
        raise Unreadable
    return Secret(value)


def _seconds(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
