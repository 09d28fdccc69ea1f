"""Rows of payers who are sent to their bank: written in the caller's transaction, whose payment is locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from adapters.contract import AuthorisationMethod
from kernel.ids import new_id
from kernel.masked import Secret
from kernel.sealing import KeyDestroyed, SealError, Vault
from kernel.sql import beside
from payments.intents.planning import PlannedSubmission
from payments.journeys.handshakes import (
    Invitation,
    access_from_json,
    grant_context,
    handshake_context,
    state_digest,
)
from payments.recovery.situation import Authorising
from payments.rows import Owner, PaymentRef, Row
from payments.states.names import AuthorisationPurpose, AuthorisationStatus
from payments.tools import Connection, Pool, Tools
from payments.view import AuthorisationView

_SQL = beside(__file__, "authorisations.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationRow:
    """How it stands with the payer of a submission.

    `expires_at` is until when the payer may come, and, once access is held, until when that can be used; None where the
    bank did not say.
    """

    id: UUID
    status: AuthorisationStatus
    method: AuthorisationMethod | None
    sealed_handshake: bytes = field(repr=False)
    sealed_grant: bytes | None = field(repr=False)
    expires_at: datetime | None
    returned_at: datetime | None
    consent_id: str | None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of find_authorisation."""
        plain = {name: row[name] for name in _PLAIN}
        method = row["method"]
        return cls(
            status=AuthorisationStatus(row["status"]),
            method=None if method is None else AuthorisationMethod(method),
            **plain,
        )

    @property
    def standing(self) -> Authorising:
        """What the next step depends on."""
        return Authorising(status=self.status, expires_at=self.expires_at)

    @property
    def view(self) -> AuthorisationView | None:
        """What everybody may see of it: not where the payer goes."""
        if self.status is not AuthorisationStatus.AWAITING:
            return None
        return AuthorisationView(method=(self.method or AuthorisationMethod.REDIRECT).value, expires_at=self.expires_at)


_PLAIN = ("id", "sealed_handshake", "sealed_grant", "expires_at", "returned_at", "consent_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Whom a state belongs to."""

    ref: PaymentRef
    submission_id: UUID
    bank_id: str
    purpose: AuthorisationPurpose


async def insert(
    connection: Connection, vault: Vault, owner: Owner, planned: PlannedSubmission, return_url: str | None
) -> None:
    """Keep what the payer of a submission will be sent out with; nothing where no payer is."""
    handshake = planned.instruction.handshake
    if handshake is None:
        return
    authorisation_id = new_id(planned.planned_at)
    invitation = Invitation(handshake=handshake, return_url=return_url)
    await connection.execute(
        _SQL["insert_authorisation"],
        owner.tenant.partner_id,
        authorisation_id,
        owner.tenant.environment.value,
        planned.bank_id,
        owner.payment_id,
        planned.id,
        state_digest(handshake.state.reveal()),
        vault.seal(owner.key, invitation.to_json(), handshake_context(authorisation_id)),
        planned.planned_at,
    )


async def put_cancellation(
    connection: Connection, tools: Tools, owner: Owner, submission: tuple[UUID, str], invitation: Invitation
) -> None:
    """Keep what the payer will be sent out with to authorise that a submission, at this bank, is withdrawn."""
    now, (submission_id, bank_id) = tools.clock.now(), submission
    row_id = new_id(now)
    await connection.execute(
        _SQL["put_cancellation"],
        owner.tenant.partner_id,
        row_id,
        owner.tenant.environment.value,
        bank_id,
        owner.payment_id,
        submission_id,
        state_digest(invitation.handshake.state.reveal()),
        tools.vault.seal(owner.key, invitation.to_json(), handshake_context(row_id)),
        now,
    )


async def find(
    connection: Connection,
    partner_id: UUID,
    submission_id: UUID,
    purpose: AuthorisationPurpose = AuthorisationPurpose.PAYMENT,
) -> AuthorisationRow | None:
    """The submission's for this purpose, if a payer belongs to it and it is still on record."""
    row = await connection.fetchrow(_SQL["find_authorisation"], partner_id, submission_id, purpose.value)
    return None if row is None else AuthorisationRow.from_row(row)


async def find_by_state(pool: Pool, state: str) -> Found | None:
    """Whose payer shows this state."""
    row = await pool.fetchrow(_SQL["find_by_state"], state_digest(state))
    if row is None:
        return None
    ref = PaymentRef(partner_id=row["partner_id"], payment_id=row["payment_id"])
    purpose = AuthorisationPurpose(row["purpose"])
    return Found(ref=ref, submission_id=row["submission_id"], bank_id=row["bank_id"], purpose=purpose)


async def open_invitation(vault: Vault, partner_id: UUID, row: AuthorisationRow) -> Invitation:
    """What the payer was sent out with. Raises KeyDestroyed where the merchant's data were erased."""
    opened = await vault.open(partner_id, row.sealed_handshake, handshake_context(row.id))
    return Invitation.from_json(opened)


async def open_access(vault: Vault, partner_id: UUID, row: AuthorisationRow | None) -> Secret | None:
    """The access that is held, if any is."""
    if row is None or row.sealed_grant is None:
        return None
    return access_from_json(await vault.open(partner_id, row.sealed_grant, grant_context(row.id)))


async def write(connection: Connection, tools: Tools, partner_id: UUID, row: AuthorisationRow) -> None:
    """Keep the row as it is now."""
    await connection.execute(
        _SQL["write_authorisation"],
        partner_id,
        row.id,
        row.status.value,
        None if row.method is None else row.method.value,
        row.sealed_handshake,
        row.sealed_grant,
        row.expires_at,
        row.returned_at,
        tools.clock.now(),
    )


async def end(connection: Connection, tools: Tools, partner_id: UUID, row: AuthorisationRow) -> AuthorisationRow:
    """Nothing more comes of it: the access is erased. What finds a payer who comes late stays."""
    ended = replace(row, status=AuthorisationStatus.ENDED, sealed_grant=None)
    await write(connection, tools, partner_id, ended)
    return ended


async def write_consent(
    connection: Connection, partner_id: UUID, submission_id: UUID, consent_id: str | None, bank_reference: str | None
) -> None:
    """Keep the bank's ids of a consent; None keeps what there is."""
    await connection.execute(_SQL["write_consent"], partner_id, submission_id, consent_id, bank_reference)


async def views(tools: Tools, partner_id: UUID, payment_ids: Sequence[UUID]) -> Mapping[UUID, AuthorisationView]:
    """Where the payers of these payments are expected, by payment; for the partner alone."""
    asked = (partner_id, list(payment_ids), tools.clock.now())
    rows = await tools.pool.fetch(_SQL["list_invitations"], *asked) if payment_ids else []
    sealed = [(partner_id, row["sealed_handshake"], handshake_context(row["id"])) for row in rows]
    opened = await tools.vault.open_each(sealed)
    return {row["payment_id"]: _view(row, one) for row, one in zip(rows, opened, strict=True) if _is_there(one)}


def _is_there(opened: bytes | SealError) -> bool:
    if isinstance(opened, SealError) and not isinstance(opened, KeyDestroyed):
        raise opened
    return not isinstance(opened, SealError)


def _view(row: Row, opened: bytes | SealError) -> AuthorisationView:
    url = Invitation.from_json(opened).url if isinstance(opened, bytes) else None
    return AuthorisationView(
        method=row["method"],
        expires_at=row["expires_at"],
        purpose=row["purpose"],
        url=None if url is None else url.reveal(),
    )
