"""A consent's next steps: lease (commit) → call the bank → what it changes (commit) → offer what is to be delivered.

The process that was asked and the sweeper both come through `advance`. The bank is never called inside a transaction,
and a call whose process died is found by the end of its lease.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from accounts.calls.inquiries import bare_inquiry, inquire, open_grant
from accounts.consents import ledger
from accounts.consents.hear import Change, Heard, burnt, change_by, expiry, heard_of
from accounts.consents.ledger import Changer
from accounts.consents.plan import CALLS, Journey, Step, next_step
from accounts.consents.rows import ConsentRef, ConsentRow
from accounts.consents.states import ConsentState
from accounts.exchanges.keeping import Exchanges
from accounts.tools import AccountBank, Connection, Tools
from adapters.contract import Authorisation
from adapters.wire import WireRequest
from kernel.errors import NotFound
from kernel.masked import Secret
from kernel.sealing import DataKey, SealError
from webhooks.queue.port import Job

_log = structlog.get_logger()
# Ask, begin, and what follows; more at once would be a loop.
_STEPS_MAX = 4
# What a call may wait inside this process before its own deadline begins: for a slot, for a token.
_WAIT_SECONDS = 10
# A bank that is suspended, or not configured at the moment, is looked for again.
_LATER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A step that was begun; without a lease it is done already, or there is none."""

    consent: ConsentRow
    step: Step
    jobs: tuple[Job, ...] = ()
    lease: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A call that can be made."""

    request: WireRequest
    access: Secret | None = field(default=None, repr=False)


class Advancer:
    """Takes consents further."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._changer = Changer(tools)
        self._exchanges = Exchanges(tools)

    async def advance(self, ref: ConsentRef) -> None:
        """Take steps until there is nothing to do at once. After a crash anywhere, the next `advance` goes on."""
        consent = await ledger.find(self._tools, ref)
        if consent is None:
            return
        bank = await self._bank(consent)
        if bank is None:
            await self._wait(ref)
            return
        key = await ledger.key_of(self._tools, consent)
        for _ in range(_STEPS_MAX):
            begun = await self._begin(ref, bank, key)
            await self._offer(begun.jobs)
            if begun.step is Step.WAIT:
                return
            if begun.lease is not None and not await self._call(begun, bank, key):
                return

    async def _bank(self, consent: ConsentRow) -> AccountBank | None:
        try:
            bank = await self._tools.bank(consent.bank_id)
        except NotFound:
            return None
        return None if bank is None or bank.known.suspended else bank

    async def _wait(self, ref: ConsentRef) -> None:
        """A bank that cannot be called holds nothing up but its own; only the time goes on."""
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, ref)
            await ledger.write(connection, replace(consent, next_check_at=self._tools.clock.now() + _LATER))

    async def _begin(self, ref: ConsentRef, bank: AccountBank, key: DataKey) -> _Begun:
        now = self._tools.clock.now()
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, ref)
            step = next_step(consent, Journey.of(bank.declaration), now)
            if step is Step.WAIT:
                await ledger.write(connection, replace(consent, next_check_at=_waits_until(consent, now)))
                return _Begun(consent=consent, step=step)
            if step in {Step.EXPIRE, Step.BURN}:
                change = burnt() if step is Step.BURN else expiry(consent)
                consent, jobs = await self._changer.apply(connection, consent, change, key)
                return _Begun(consent=consent, step=step, jobs=jobs)
            return await self._lease(connection, consent, step, bank)

    async def _lease(self, connection: Connection, consent: ConsentRow, step: Step, bank: AccountBank) -> _Begun:
        """The lease outlasts the call; who finds it ended knows that its process went away."""
        owner = uuid4()
        until = lease_end(self._tools, bank)
        leased = replace(
            consent,
            lease_owner=owner,
            lease_until=until,
            next_check_at=until,
            exchange_sent=consent.exchange_sent or step is Step.EXCHANGE,
        )
        await ledger.write(connection, leased)
        return _Begun(consent=leased, step=step, lease=owner)

    async def _call(self, begun: _Begun, bank: AccountBank, key: DataKey) -> bool:
        """Make the call and keep what it changes; whether there may be more to do at once."""
        kind = CALLS[begun.step]
        try:
            prepared = await self._prepare(begun, bank)
        except (ValueError, SealError):
            _log.exception("consent.cannot_ask", consent_id=str(begun.consent.id), step=begun.step.value)
            heard = Heard(left=False)
        else:
            outcome = await self._tools.engine.read(bank.bank, prepared.request, prepared.access)
            heard = heard_of(bank.adapter, kind, outcome)
        return await self._finish(begun, bank, key, heard)

    async def _prepare(self, begun: _Begun, bank: AccountBank) -> _Prepared:
        consent, kind = begun.consent, CALLS[begun.step]
        if begun.step is Step.END:
            return _Prepared(request=bank.adapter.build(kind, bare_inquiry(self._tools, consent, bank)))
        grant = await open_grant(self._tools, consent)
        inquiry = await inquire(self._tools, consent, bank)
        access = None if grant is None else grant.access_token
        return _Prepared(request=bank.adapter.build(kind, inquiry), access=access)

    async def _finish(self, begun: _Begun, bank: AccountBank, key: DataKey, heard: Heard) -> bool:
        url = await self._own_url(begun, bank, heard)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, begun.consent.ref)
            await self._exchanges.keep(connection, consent, CALLS[begun.step], heard, key)
            if consent.lease_owner != begun.lease:
                return False  # It was taken over; who did so goes on.
            change = change_by(begun.step, consent, Journey.of(bank.declaration), heard)
            change = _leading(change, url)
            consent, jobs = await self._changer.apply(connection, consent, change, key)
            if change.again and heard.asked_wait is not None:
                await self._heed(connection, consent, heard.asked_wait)
        await self._offer(jobs)
        _tell(begun, consent, change)
        return not change.again

    async def _own_url(self, begun: _Begun, bank: AccountBank, heard: Heard) -> Authorisation | None:
        """Where the holder is sent, for a bank whose answer did not bring it; None where it did."""
        reading = heard.reading
        given = reading.authorisation
        if begun.step not in {Step.ASK, Step.BEGIN} or (
            not reading.consent_id and begun.consent.bank_consent_id is None
        ):
            return None
        if given is not None and given.leads_somewhere:
            return None
        inquiry = await inquire(self._tools, begun.consent, bank)
        made = replace(inquiry, consent_id=reading.consent_id or begun.consent.bank_consent_id)
        try:
            url = Secret(bank.adapter.authorisation_url(made, self._tools.clock.now()))
        except ValueError:
            return None
        return Authorisation(url=url, expires_at=None if given is None else given.expires_at)

    async def _heed(self, connection: Connection, consent: ConsentRow, seconds: float) -> None:
        """The bank wants to be left alone: not before then."""
        at = self._tools.clock.now() + timedelta(seconds=seconds)
        later = max(at, consent.next_check_at or at)
        await ledger.write(connection, replace(consent, next_check_at=later))

    async def _offer(self, jobs: tuple[Job, ...]) -> None:
        if jobs:
            await self._tools.enqueuer.offer(jobs)


def _leading(change: Change, own: Authorisation | None) -> Change:
    """With somewhere to send the holder; a consent that nobody can authorise is refused."""
    given = change.authorisation
    if change.status is not ConsentState.AWAITING_AUTHORISATION or (given is not None and given.leads_somewhere):
        return change
    if own is not None:
        return replace(change, authorisation=own)
    rejected = ConsentState.REJECTED
    return replace(change, status=rejected, reason="no_authorisation_url", authorisation=None, must_end=True)


def lease_end(tools: Tools, bank: AccountBank) -> datetime:
    """When a call that begins now must have ended."""
    return tools.clock.now() + timedelta(seconds=bank.declaration.lease_seconds + _WAIT_SECONDS)


def _waits_until(consent: ConsentRow, now: datetime) -> datetime | None:
    """When a consent that needs nothing now is looked at again."""
    if consent.lease_until is not None and consent.lease_until > now:
        return consent.lease_until
    if consent.is_final:
        return None
    return consent.authorise_by if consent.status is not ConsentState.AUTHORISED else consent.valid_until


def _tell(begun: _Begun, consent: ConsentRow, change: Change) -> None:
    _log.info(
        "consent.advanced",
        consent_id=str(consent.id),
        bank_id=consent.bank_id,
        step=begun.step.value,
        status=consent.status.value,
        reason=change.reason,
    )
