"""The room's front door: what the gateway calls on behalf of partners and of holders who come back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from accounts.calls.advance import Advancer
from accounts.calls.inquiries import open_terms
from accounts.calls.returning import Return, Returns
from accounts.calls.runner import ConsentRunner
from accounts.consents import ledger
from accounts.consents.create import Creator, record_act
from accounts.consents.hear import Change
from accounts.consents.keys import ACCEPTED_FOR_NOW, CREATED, Keyed, fingerprint
from accounts.consents.ledger import Changer
from accounts.consents.rows import ConsentRef, ConsentRow
from accounts.consents.sealed import url_context
from accounts.consents.states import ConsentState
from accounts.exchanges.history import ConsentExchanges
from accounts.model import Asked, ConsentFilter, ConsentPage, ConsentRequest, Requester, RequestKey, Returned
from accounts.reading.book import AccountFilter
from accounts.reading.reader import AccountPage, AccountReader, Freshness, Wanted
from accounts.tools import Tools
from accounts.view import ConsentView, view_of
from adapters.contract import Payer
from adapters.exchanges.history import KeptExchange
from kernel import deadline
from kernel.errors import NotFound
from kernel.ids import Environment, Tenant
from kernel.sealing import SealError
from kernel.sql import beside

_SQL = beside(__file__, "service.sql")
# What is left for the answer itself when the wait for a bank ends.
_ANSWER_SECONDS = 0.25


class Accounts:
    """Consents and what is read under them. One per process; `drain` before the process ends."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._runner = ConsentRunner(Advancer(tools).advance, tools.policy.waiting_per_bank_max)
        self._creator = Creator(tools)
        self._changer = Changer(tools)
        self._returns = Returns(tools, self._runner)
        self._reader = AccountReader(tools)
        self._exchanges = ConsentExchanges(tools)

    async def ask_consent(self, caller: Requester, request: ConsentRequest, key: RequestKey) -> Asked:
        """Commit the consent, ask the bank, and wait for its answer.

        Raises Invalid with every wrong field, Conflict `idempotency_key_reused`. A repeat has the consent as it is now.
        """
        keyed = Keyed(tenant=caller.tenant, key_digest=key.digest, fingerprint=fingerprint(request))
        consent_id, repeated = await self._creator.create(caller, request, keyed)
        if not repeated:
            ref = ConsentRef(partner_id=caller.tenant.partner_id, consent_id=consent_id)
            self._runner.start(ref, request.bank_id)
        await self._runner.wait(consent_id, self._patience())
        view = await self.consent(caller.tenant, consent_id)
        status = ACCEPTED_FOR_NOW if view.status is ConsentState.CREATED else CREATED
        return Asked(consent=view, status_code=status, repeated=repeated)

    async def consent(self, tenant: Tenant, consent_id: UUID) -> ConsentView:
        """Raises NotFound."""
        return (await self._views([await self._find(tenant, consent_id)]))[0]

    async def consents(self, tenant: Tenant, wanted: ConsentFilter) -> ConsentPage:
        """One page, newest first."""
        rows = await self._tools.pool.fetch(
            _SQL["list_consents"],
            tenant.partner_id,
            tenant.environment.value,
            wanted.after,
            wanted.merchant_id,
            wanted.status,
            wanted.bank_id,
            wanted.limit + 1,
        )
        found = [ConsentRow.from_row(row) for row in rows]
        more, found = len(found) > wanted.limit, found[: wanted.limit]
        return ConsentPage(data=tuple(await self._views(found)), next_cursor=found[-1].id if more else None)

    async def end_consent(self, caller: Requester, consent_id: UUID) -> None:
        """Nothing is read under it from now on; the bank is told until it has heard. Again is no error.

        Raises NotFound.
        """
        found = await self._find(caller.tenant, consent_id)
        key = await ledger.key_of(self._tools, found)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, found.ref)
            if consent.is_final:
                return
            change = Change(status=ConsentState.REVOKED, reason="partner_revoked", must_end=True)
            after, jobs = await self._changer.apply_beside(connection, consent, change, key)
            await record_act(connection, after, caller, "consent.revoked")
        if jobs:
            await self._tools.enqueuer.offer(jobs)
        self._runner.start(found.ref, found.bank_id)
        await self._runner.wait(consent_id, self._patience())

    async def returned(self, bank_id: str, brought: Return) -> Returned | None:
        """A holder came back from a bank; None for a state that is of no consent there."""
        return await self._returns.take(bank_id, brought)

    async def accounts(self, tenant: Tenant, wanted: AccountFilter, payer: Payer | None) -> AccountPage:
        """Raises as accounts.reading.reader.AccountReader.accounts."""
        return await self._reader.accounts(tenant, wanted, payer)

    async def balances(self, tenant: Tenant, account_id: UUID, asked: Freshness, payer: Payer | None) -> dict[str, Any]:
        """Raises as accounts.reading.reader.AccountReader.balances."""
        return await self._reader.balances(tenant, account_id, asked, payer)

    async def transactions(
        self, tenant: Tenant, account_id: UUID, wanted: Wanted, payer: Payer | None
    ) -> dict[str, Any]:
        """Raises as accounts.reading.reader.AccountReader.transactions."""
        return await self._reader.transactions(tenant, account_id, wanted, payer)

    async def exchanges(
        self, environment: Environment, consent_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[KeptExchange]:
        """For admins. Raises as accounts.exchanges.history.ConsentExchanges.of."""
        return await self._exchanges.of(environment, consent_id, after, limit)

    @property
    def waiting(self) -> int:
        """How many requests only wait for a bank at the moment."""
        return self._runner.waiting

    async def settle(self) -> None:
        """Wait for the calls that were begun here."""
        await self._runner.settle()

    async def drain(self) -> None:
        """Begin no more calls and wait for those under way."""
        await self._runner.drain()

    def _patience(self) -> float:
        """How long to wait for the bank's word, within the time that the caller has for an answer at all."""
        return min(self._tools.policy.ask_wait_seconds, max(deadline.seconds_left() - _ANSWER_SECONDS, 0))

    async def _find(self, tenant: Tenant, consent_id: UUID) -> ConsentRow:
        found = await ledger.find(self._tools, ConsentRef(partner_id=tenant.partner_id, consent_id=consent_id))
        if found is None or found.tenant.environment is not tenant.environment:
            raise NotFound
        return found

    async def _views(self, consents: Sequence[ConsentRow]) -> list[ConsentView]:
        return [await self._view(consent) for consent in consents]

    async def _view(self, consent: ConsentRow) -> ConsentView:
        """With both URLs, unless the merchant's data were erased."""
        try:
            terms = await open_terms(self._tools, consent)
        except SealError:
            return view_of(consent)
        url = None
        if consent.sealed_url is not None:
            opened = await self._tools.vault.open(
                consent.tenant.partner_id, consent.sealed_url, url_context(consent.id)
            )
            url = opened.decode()
        return view_of(consent, url, terms.return_url.reveal())
