"""What a person says about a payment, and how far that has come: values, and their rows."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from adapters.contract import Verdict
from kernel.ids import Environment
from kernel.sealing import SealError
from payments.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts on the admin port, and in which request. `also` are other ids under which the same person may act."""

    id: UUID
    request_id: str
    also: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a person says a bank's books show. The note is their own words, and kept sealed.

    NOT_FOUND says that the bank never had it. `bank_reference` is the bank's id of what they saw, if it gave one.
    """

    payment_id: UUID
    verdict: Verdict
    note: str = field(repr=False)
    bank_reference: str | None = None


class ProposalState(StrEnum):
    """Whether a proposal can still be confirmed."""

    OPEN = "open"
    REPLACED = "replaced"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal that waits for a second person. `replaces` was open until now.

    `payment_version` is of the payment as it stood; None for proposals from before that was kept.
    """

    id: UUID
    payment_id: UUID
    environment: Environment
    verdict: Verdict
    proposed_by: UUID
    proposed_at: datetime
    bank_reference: str | None = None
    payment_version: int | None = None
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal as a second person reads it before confirming; the note is None once its key was destroyed."""

    proposed: Proposed
    state: ProposalState
    note: str | None = field(repr=False)
    confirmed_by: UUID | None
    confirmed_at: datetime | None


def state_of(row: Row) -> ProposalState:
    """Whether the proposal of this row can still be confirmed."""
    if row["confirmed_by"] is not None:
        return ProposalState.CONFIRMED
    return ProposalState.OPEN if row["newest"] else ProposalState.REPLACED


def proposed_of(row: Row, environment: Environment) -> Proposed:
    """From a row of evidence_proposals."""
    return Proposed(
        id=row["id"],
        payment_id=row["payment_id"],
        environment=environment,
        verdict=Verdict(row["verdict"]),
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        bank_reference=row["bank_reference"],
        payment_version=row["payment_version"],
    )


def view_of(row: Row, note: bytes | SealError, environment: Environment) -> ProposalView:
    """From a row of list_proposals, with its note opened."""
    return ProposalView(
        proposed=proposed_of(row, environment),
        state=state_of(row),
        note=None if isinstance(note, SealError) else note.decode(),
        confirmed_by=row["confirmed_by"],
        confirmed_at=row["confirmed_at"],
    )
