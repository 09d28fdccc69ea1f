"""Keeps where a payer is to go, and the access that they gave, as the bank's answers bring both."""

from dataclasses import replace
from datetime import timedelta

import structlog

from adapters.contract import Authorisation, AuthorisationMethod, Evidence
from kernel.masked import Secret
from kernel.sealing import DataKey
from payments.calls.cases import Case
from payments.intents.planning import instruct
from payments.journeys import authorisations
from payments.journeys.handshakes import Invitation, grant_context, grant_to_json, handshake_context
from payments.states.names import AuthorisationStatus
from payments.tools import Connection, Tools

_log = structlog.get_logger()


class Inviter:
    """Writes in the caller's transaction, whose payment is locked."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def invite(self, case: Case, evidence: Evidence) -> Case | None:
        """The case with where its payer is to go, not written yet; None where neither bank nor protocol tell."""
        told, now, row = evidence.authorisation or Authorisation(), self._tools.clock.now(), case.authorisation
        if row is None:
            return None
        invitation = await authorisations.open_invitation(self._tools.vault, case.payment.tenant.partner_id, row)
        url = told.url
        if url is None and told.method is AuthorisationMethod.REDIRECT:
            url = self._address(case, invitation)
            if url is None:
                return None
        sealed = self._tools.vault.seal(
            await self._key(case), replace(invitation, url=url).to_json(), handshake_context(row.id)
        )
        until = told.expires_at or now + timedelta(seconds=self._tools.policy.authorisation_seconds)
        status = AuthorisationStatus.AWAITING
        invited = replace(row, status=status, method=told.method, sealed_handshake=sealed, expires_at=until)
        return replace(case, authorisation=invited)

    async def hold(self, connection: Connection, case: Case, evidence: Evidence) -> Case:
        """Keep the access that the payer gave, if this answer brought it."""
        grant, row = evidence.grant, case.authorisation
        if grant is None or row is None:
            return case
        seconds = grant.lifetime_seconds
        held = replace(
            row,
            status=AuthorisationStatus.GRANTED,
            sealed_grant=self._tools.vault.seal(await self._key(case), grant_to_json(grant), grant_context(row.id)),
            expires_at=None if seconds is None else self._tools.clock.now() + timedelta(seconds=seconds),
        )
        return await self.write(connection, replace(case, authorisation=held))

    async def returned(self, connection: Connection, case: Case, code: str | None) -> Case:
        """Keep that the payer came back, with the code that they brought."""
        row = case.authorisation
        if row is None:
            return case
        invitation = await authorisations.open_invitation(self._tools.vault, case.payment.tenant.partner_id, row)
        kept = invitation if code is None else invitation.with_code(code)
        sealed = self._tools.vault.seal(await self._key(case), kept.to_json(), handshake_context(row.id))
        status, now = AuthorisationStatus.RETURNED, self._tools.clock.now()
        back = replace(row, status=status, sealed_handshake=sealed, returned_at=now)
        return await self.write(connection, replace(case, authorisation=back))

    async def refused(self, connection: Connection, case: Case, *, came_back: bool = False) -> Case:
        """Keep that the payer said no: whatever the bank ends it for without a reason, it is theirs."""
        row = case.authorisation
        if row is None:
            return case
        returned_at = self._tools.clock.now() if came_back else row.returned_at
        no = replace(row, status=AuthorisationStatus.REFUSED, returned_at=returned_at)
        return await self.write(connection, replace(case, authorisation=no))

    async def write(self, connection: Connection, case: Case) -> Case:
        """Keep the authorisation as the case has it."""
        if case.authorisation is not None:
            await authorisations.write(connection, self._tools, case.payment.tenant.partner_id, case.authorisation)
        return case

    async def write_consent(self, connection: Connection, case: Case, evidence: Evidence) -> None:
        """Keep the bank's ids of the consent, if this answer brought any."""
        if evidence.consent_id is not None or evidence.bank_reference is not None:
            ids = (evidence.consent_id, evidence.bank_reference)
            partner_id = case.payment.tenant.partner_id
            await authorisations.write_consent(connection, partner_id, case.submission.id, *ids)

    def _address(self, case: Case, invitation: Invitation) -> Secret | None:
        background, now = case.background, self._tools.clock.now()
        reference = replace(case.reference, handshake=invitation.handshake)
        instruction = instruct(background.facts, background.bank, reference)
        try:
            return Secret(background.bank.adapter.authorisation_url(instruction, now))
        except ValueError:
            _log.warning("payment.nowhere_to_authorise", payment_id=str(case.payment.id), bank_id=case.payment.bank_id)
            return None

    async def _key(self, case: Case) -> DataKey:
        return await self._tools.vault.data_key(case.payment.tenant.partner_id, case.payment.merchant_id)
