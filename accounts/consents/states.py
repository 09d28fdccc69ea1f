"""The states of a consent and every move that is allowed, written once; equal to the SQL enum consent_status."""

from enum import StrEnum


class ConsentState(StrEnum):
    """How a consent stands with us."""

    CREATED = "created"
    AWAITING_AUTHORISATION = "awaiting_authorisation"
    AUTHORISED = "authorised"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revoked"


S = ConsentState
STATE_SENTENCES: dict[ConsentState, str] = {
    S.CREATED: "It is committed; the bank has not been asked yet, or has not answered.",
    S.AWAITING_AUTHORISATION: "The bank waits for the account's holder to authorise it.",
    S.AUTHORISED: "Accounts can be read under it.",
    S.REJECTED: "The bank or the account's holder refused it.",
    S.EXPIRED: "Its time is over, or the access that it gave was lost.",
    S.REVOKED: "The partner or the account's holder ended it.",
}
FINAL_STATES = frozenset({S.REJECTED, S.EXPIRED, S.REVOKED})

CONSENT_MOVES: dict[tuple[ConsentState, ConsentState], str] = {
    (S.CREATED, S.AWAITING_AUTHORISATION): "The bank answered, and the account's holder can be sent there.",
    (S.CREATED, S.AUTHORISED): "The bank answered that no authorisation is needed.",
    (S.CREATED, S.REJECTED): "The bank refused it.",
    (S.CREATED, S.EXPIRED): "The bank could not be asked in time.",
    (S.CREATED, S.REVOKED): "The partner ended it.",
    (S.AWAITING_AUTHORISATION, S.AUTHORISED): "The holder authorised it, and the bank gave access.",
    (S.AWAITING_AUTHORISATION, S.REJECTED): "The holder or the bank refused it.",
    (S.AWAITING_AUTHORISATION, S.EXPIRED): "It was not authorised in time, or its authorisation code was burnt.",
    (S.AWAITING_AUTHORISATION, S.REVOKED): "The partner ended it, or the holder at the bank.",
    (S.AUTHORISED, S.REJECTED): "The bank says that it was refused after all.",
    (S.AUTHORISED, S.EXPIRED): "Its time is over, or the bank gives no access under it any more.",
    (S.AUTHORISED, S.REVOKED): "The partner ended it, or the holder at the bank.",
}

# The types of events that tell of a consent, and what each says.
EVENT_SENTENCES: dict[str, str] = {
    "consent.authorised": "The account's holder authorised a consent; accounts can be read under it.",
    "consent.rejected": "The bank or the account's holder refused a consent.",
    "consent.expired": "A consent's time is over, or the access that it gave was lost.",
    "consent.revoked": "The partner or the account's holder ended a consent.",
}


def is_allowed(origin: ConsentState, target: ConsentState) -> bool:
    """Whether a consent may move so; staying where it is always is."""
    return origin is target or (origin, target) in CONSENT_MOVES


def event_type(state: ConsentState) -> str | None:
    """The type of the event that tells of reaching a state, if it is told."""
    name = f"consent.{state}"
    return name if name in EVENT_SENTENCES else None
