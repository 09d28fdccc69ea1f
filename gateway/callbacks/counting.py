"""What the door for payers counts: who came back with what. No label holds anything that a browser sent."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter

from payments.journeys.returning import Brought


class Outcome(StrEnum):
    """What a return was."""

    APPROVED = "approved"  # With what the bank gives for a yes.
    REFUSED = "refused"  # The payer would not.
    FAILED = "failed"  # The bank told of an error of its own.
    INCOMPLETE = "incomplete"  # Something that the bank should have given is missing.
    REPEATED = "repeated"  # What it brought was used already.
    OVER = "over"  # It came too late.
    UNKNOWN_STATE = "unknown_state"  # Nobody was sent out with it.
    FOREIGN = "foreign"  # Another issuer than the bank's answered.


def returns_counter(registry: CollectorRegistry) -> Counter:
    """By bank and outcome; only banks that are configured are named."""
    sentence = "Payers and account holders who came back from their bank, by what became of it."
    return Counter("threadneedle_payer_returns", sentence, ("bank_id", "outcome"), registry=registry)


def outcome_of(reception: str, brought: Brought, *, repeated: bool = False) -> Outcome:
    """What a return was that belongs to a payment or a consent, whose receptions have the same words."""
    if repeated:
        return Outcome.REPEATED
    if reception != "taken":
        return Outcome(reception)
    return Outcome.REFUSED if brought.refused else Outcome.APPROVED
