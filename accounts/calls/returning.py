"""The holder comes back from the bank: what the browser brought is committed before it is answered, and counts once."""

from dataclasses import dataclass, field, replace

from accounts.calls.inquiries import open_terms
from accounts.calls.runner import ConsentRunner
from accounts.consents import ledger
from accounts.consents.hear import Change
from accounts.consents.ledger import Changer, seal_code
from accounts.consents.rows import ConsentRow
from accounts.consents.sealed import state_digest
from accounts.consents.states import ConsentState
from accounts.model import Returned
from accounts.tools import Tools
from accounts.view import view_of
from kernel.masked import Secret
from kernel.sealing import DataKey
from webhooks.queue.port import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a browser brought: the state, a code where the bank gives one, or that the holder refused."""

    state: Secret
    code: Secret | None = field(default=None, repr=False)
    refused: bool = False


class Returns:
    """Takes holders' returns."""

    def __init__(self, tools: Tools, runner: ConsentRunner) -> None:
        self._tools = tools
        self._runner = runner
        self._changer = Changer(tools)

    async def take(self, bank_id: str, brought: Return) -> Returned | None:
        """What to tell the holder, once the bank's access came or the wait is over; None for a state of nobody here.

        A return that comes again, in whatever order, finds the first one's work and says the same.
        """
        found = await self._find(bank_id, brought.state)
        if found is None:
            return None
        consent, key = found
        jobs = await self._commit(consent, brought, key)
        if jobs:
            await self._tools.enqueuer.offer(jobs)
        self._runner.start(consent.ref, consent.bank_id)
        await self._runner.wait(consent.id, self._tools.policy.return_wait_seconds)
        return await self._told(consent)

    async def _find(self, bank_id: str, state: Secret) -> tuple[ConsentRow, DataKey] | None:
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock_by_state(connection, state_digest(state), bank_id)
        return None if consent is None else (consent, await ledger.key_of(self._tools, consent))

    async def _commit(self, found: ConsentRow, brought: Return, key: DataKey) -> tuple[Job, ...]:
        now = self._tools.clock.now()
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, found.ref)
            if consent.status is not ConsentState.AWAITING_AUTHORISATION or consent.returned_at is not None:
                return ()
            returned = replace(consent, returned_at=now)
            if brought.refused:
                change = Change(status=ConsentState.REJECTED, reason="holder_refused", must_end=True)
                _, jobs = await self._changer.apply(connection, returned, change, key)
                return jobs
            code = None if brought.code is None else seal_code(self._tools, consent, brought.code, key)
            await ledger.write(connection, replace(returned, sealed_code=code, next_check_at=now, checks=0))
        return ()

    async def _told(self, found: ConsentRow) -> Returned:
        consent = await ledger.find(self._tools, found.ref) or found
        terms = await open_terms(self._tools, consent)
        return Returned(consent=view_of(consent), return_url=terms.return_url)
