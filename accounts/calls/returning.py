"""The holder comes back from the bank: what the browser brought is committed before it is answered, and counts once."""

import re
from dataclasses import dataclass, field, replace

from accounts.calls.inquiries import open_terms
from accounts.calls.runner import ConsentRunner
from accounts.consents import ledger
from accounts.consents.hear import Change
from accounts.consents.ledger import Changer, seal_code
from accounts.consents.plan import Journey
from accounts.consents.rows import ConsentRow
from accounts.consents.sealed import state_digest
from accounts.consents.states import ConsentState
from accounts.model import Reception, Returned
from accounts.tools import Connection, Tools
from accounts.view import view_of
from kernel.errors import NotFound
from kernel.masked import Secret
from kernel.sealing import DataKey, SealError
from webhooks.queue.port import Job

# RFC 6749 §A.11: visible characters; no code is longer than a browser's address.
_CODE = re.compile(r"[ -~]{1,4000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a browser brought: the state, a code where the bank gives one, a refusal, or that the bank failed."""

    state: Secret
    code: Secret | None = field(default=None, repr=False)
    refused: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What a return changed, and what is to be delivered for it."""

    reception: Reception
    jobs: tuple[Job, ...] = ()


class Returns:
    """Takes holders' returns."""

    def __init__(self, tools: Tools, runner: ConsentRunner) -> None:
        self._tools = tools
        self._runner = runner
        self._changer = Changer(tools)

    async def take(self, bank_id: str, brought: Return) -> Returned | None:
        """What to tell the holder, once the bank's access came or the wait is over.

        None for a state that no consent of this bank sent out, or whose merchant's data were erased. A return that
        comes again, in whatever order, finds the first one's work and says the same.
        """
        found = await ledger.find_by_state(self._tools, state_digest(brought.state), bank_id)
        journey = await self._journey(bank_id)
        if found is None or journey is None:
            return None
        try:
            terms = await open_terms(self._tools, found)
        except SealError:
            return None
        taken = await self._take(found, brought, journey)
        if taken.jobs:
            await self._tools.enqueuer.offer(taken.jobs)
        if taken.reception is Reception.TAKEN:
            self._runner.start(found.ref, found.bank_id)
            await self._runner.wait(found.id, self._tools.policy.return_wait_seconds)
        consent = await ledger.find(self._tools, found.ref) or found
        return Returned(reception=taken.reception, consent=view_of(consent), return_url=terms.return_url)

    async def _journey(self, bank_id: str) -> Journey | None:
        try:
            bank = await self._tools.bank(bank_id)
        except NotFound:
            return None
        return None if bank is None else Journey.of(bank.declaration)

    async def _take(self, found: ConsentRow, brought: Return, journey: Journey) -> _Taken:
        key = await ledger.key_of(self._tools, found)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, found.ref)
            if consent.status is not ConsentState.AWAITING_AUTHORISATION or consent.returned_at is not None:
                late = consent.status is ConsentState.EXPIRED and consent.returned_at is None
                return _Taken(reception=Reception.OVER if late else Reception.TAKEN)
            if brought.refused:
                return await self._refuse(connection, consent, key)
            if brought.failed:
                return _Taken(reception=Reception.FAILED)
            code = brought.code if journey.exchanges else None
            if journey.exchanges and (code is None or _CODE.fullmatch(code.reveal()) is None):
                return _Taken(reception=Reception.INCOMPLETE)
            await self._keep(connection, consent, code, key)
        return _Taken(reception=Reception.TAKEN)

    async def _refuse(self, connection: Connection, consent: ConsentRow, key: DataKey) -> _Taken:
        """Not to give access is the holder's to say; the bank is told too."""
        returned = replace(consent, returned_at=self._tools.clock.now())
        change = Change(status=ConsentState.REJECTED, reason="holder_refused", must_end=True)
        _, jobs = await self._changer.apply(connection, returned, change, key)
        return _Taken(reception=Reception.TAKEN, jobs=jobs)

    async def _keep(self, connection: Connection, consent: ConsentRow, code: Secret | None, key: DataKey) -> None:
        now = self._tools.clock.now()
        sealed = None if code is None else seal_code(self._tools, consent, code, key)
        await ledger.write(
            connection, replace(consent, returned_at=now, sealed_code=sealed, next_check_at=now, checks=0)
        )
