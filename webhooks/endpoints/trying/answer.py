"""Whether an answer to the ownership challenge meets it: a pure decision."""

import hmac
from enum import StrEnum

import orjson

from webhooks.sending.transport import BodyState, WireReply

MEMBER = "challenge"


class ChallengeReason(StrEnum):
    """Why an endpoint is proven or not."""

    ANSWERED = "answered"
    ALREADY_PROVEN = "already_proven"
    UNREACHABLE = "unreachable"
    STATUS = "status"
    BODY_UNREAD = "body_unread"
    BODY_OTHER = "body_other"
    ENDPOINT_CHANGED = "endpoint_changed"


SENTENCES: dict[ChallengeReason, str] = {
    ChallengeReason.ANSWERED: "The receiver gave the token back.",
    ChallengeReason.ALREADY_PROVEN: "The receiver at this URL had given a token back before; nothing was sent.",
    ChallengeReason.UNREACHABLE: "There was no answer; error_class says why.",
    ChallengeReason.STATUS: "The answer's status was not 2xx.",
    ChallengeReason.BODY_UNREAD: "The answer's body was too long, or did not end in time.",
    ChallengeReason.BODY_OTHER: "The answer's body was neither the token nor a JSON object with it.",
    ChallengeReason.ENDPOINT_CHANGED: "The endpoint was changed while the challenge was under way; challenge it again.",
}


def judge(reply: WireReply, token: str) -> ChallengeReason:
    """ANSWERED for a 2xx whose whole body is the token, or a JSON object with it as the member `challenge`."""
    if reply.status is None:
        return ChallengeReason.UNREACHABLE
    if not 200 <= reply.status <= 299:
        return ChallengeReason.STATUS
    if reply.body_state is not BodyState.COMPLETE:
        return ChallengeReason.BODY_UNREAD
    given = _token_of(reply.body)
    return ChallengeReason.ANSWERED if hmac.compare_digest(given, token.encode()) else ChallengeReason.BODY_OTHER


def _token_of(body: bytes) -> bytes:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.strip()
    found = value.get(MEMBER) if isinstance(value, dict) else value
    return found.encode() if isinstance(found, str) else b""
