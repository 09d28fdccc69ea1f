"""One fault at one call of account information: what the room makes of it, held against what the bank really has."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from accounts.consents import ledger
from accounts.consents.rows import ConsentRef
from accounts.consents.states import FINAL_STATES, ConsentState
from accounts.policy import AccountsPolicy
from accounts.reading.book import AccountFilter
from accounts.reading.calls import doubt
from accounts.reading.quota import ReadLimit
from accounts.reading.reader import Freshness, Wanted
from accounts.service import Accounts
from adapters.contract import Payer
from adapters.contract.accounts import ReadingKind
from adapters.declaration import Deadlines
from adapters.engine import EngineSettings
from adapters.engine.guards import BreakerPolicy
from adapters.open_banking_uk.simulator.accounts.ledger import Ledger
from adapters.open_banking_uk.simulator.holders import BY_ID
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace
from kernel.errors import Conflict, NotFound, Unavailable
from kernel.ids import Environment, Kind, from_text
from tests.support.browser import APPROVE
from tests.support.real_accounts import PRESENT, Real, Terms

Found = TypeVar("Found")
# In proportion: late is within our deadlines, what hangs outlasts them.
TERMS = Terms(
    pace=Pace(late_seconds=0.1, hang_seconds=3, drip_seconds=0.05),
    deadlines=Deadlines(connect_seconds=0.3, first_byte_seconds=0.3, total_seconds=0.45),
    engine=EngineSettings(breaker=BreakerPolicy(failures_max=10_000, retry_after_seconds_max=0.05)),
    policy=AccountsPolicy(
        retry_delays_seconds=(0.01,), check_delays_seconds=(0.01,), accounts_age_max_seconds=0, ask_wait_seconds=5
    ),
)
READS = (ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS)
# Answers that were honest, if slow: whatever else happened must not look like the bank's word.
_HARMLESS = frozenset({Fault.ANSWER_LATE})
_SOON = timedelta(seconds=10)
_KNOWN = (Unavailable, Conflict, NotFound)


@dataclass(slots=True, kw_only=True)
class Matrix:
    """One bank with a consent to read under, and what was ever seen in its accounts."""

    real: Real
    consent_id: UUID
    seen: dict[UUID, set[str]] = field(default_factory=dict)
    balances: dict[UUID, set[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    cells: int = 0

    @classmethod
    async def begun(cls, real: Real) -> "Matrix":
        """With a consent that is in force, and the accounts as they are."""
        matrix = cls(real=real, consent_id=await linked(real))
        for account_id in await matrix._accounts():
            matrix.balances[account_id] = await matrix._possible(account_id)
            matrix.seen[account_id] = set(await matrix.statement(account_id))
        return matrix

    async def cell(self, kind: ReadingKind, fault: Fault) -> None:
        """One fault at one call."""
        self.cells += 1
        where = f"{fault} at {kind}"
        if kind in READS:
            await self._read(kind, fault, where)
        elif kind is ReadingKind.REFRESH:
            await self._refresh(fault, where)
        elif kind is ReadingKind.CONSENT_STATUS:
            await self._doubt(fault, where)
        else:
            await self._consent(kind, fault, where)

    async def _read(self, kind: ReadingKind, fault: Fault, where: str) -> None:
        account_id = min(self.seen)
        self.real.simulator.plan(fault, kind)
        shown = await self._struck(lambda: self._shown(kind, account_id))
        if shown is not None and fault is Fault.WRONG_REFERENCE and kind is not ReadingKind.ACCOUNTS:
            self.wrong.append(f"{where}: another's answer was shown")
        if shown is None and fault in _HARMLESS:
            self.wrong.append(f"{where}: an honest answer was not")
        await self._still_true(where)

    async def _refresh(self, fault: Fault, where: str) -> None:
        """Access that always looks old is got anew for each read."""
        old = replace(self.real.tools, policy=replace(self.real.tools.policy, access_margin_seconds=10_000))
        self.real.simulator.plan(fault, ReadingKind.REFRESH)
        await self._struck(lambda: listed(Accounts(old), self.real, self.consent_id))
        if fault is Fault.REFUSE:  # The bank says that it gives no access any more.
            if await self._status() is not ConsentState.EXPIRED:
                self.wrong.append(f"{where}: access that the bank ended goes on")
            await self._anew()
        await self._still_true(where)

    async def _doubt(self, fault: Fault, where: str) -> None:
        """A bank that did not take the consent once is asked how it stands: its word is waited for."""
        ref = ConsentRef(partner_id=self.real.world.tenant.partner_id, consent_id=self.consent_id)
        row = await ledger.find(self.real.tools, ref)
        assert row is not None
        await doubt(self.real.tools, row)
        self.real.simulator.plan(fault, ReadingKind.CONSENT_STATUS)
        await sweep(self.real, 4)
        await self.real.forget_faults()
        await self._still_true(where)

    async def _consent(self, kind: ReadingKind, fault: Fault, where: str) -> None:
        self.real.simulator.plan(fault, kind)
        ended = kind is ReadingKind.CONSENT_END
        consent_id = await linked(self.real, must=False)
        if ended and await self._status(consent_id) is ConsentState.AUTHORISED:
            await self.real.accounts.end_consent(self.real.caller, consent_id)
            await sweep(self.real, 4)
        await self._ended_once(consent_id, where)
        status = await self._status(consent_id)
        if status not in self._allowed(kind, fault):
            self.wrong.append(f"{where}: {status}")

    def _allowed(self, kind: ReadingKind, fault: Fault) -> set[ConsentState]:
        """What may have become of a consent whose holder approved."""
        if kind is ReadingKind.CONSENT_END:
            return {ConsentState.REVOKED}
        if fault is Fault.REFUSE:
            return {ConsentState.REJECTED, ConsentState.EXPIRED}
        spends = kind is ReadingKind.AUTHORISE and self.real.exchanges
        if spends and fault not in _HARMLESS:
            return {ConsentState.EXPIRED}  # The code is good once: what it brought is lost, or another's.
        return {ConsentState.AUTHORISED}

    async def _ended_once(self, consent_id: UUID, where: str) -> None:
        """Nothing is left open or leased, each state was told once, and the bank has heard of the end."""
        row = await self.real.pool.fetchrow("SELECT * FROM account_consents WHERE id = $1", consent_id)
        assert row is not None
        status = ConsentState(row["status"])
        if status not in {ConsentState.AUTHORISED, *FINAL_STATES} or row["lease_until"] is not None or row["must_end"]:
            self.wrong.append(f"{where}: unresolved, {dict(row)}")
        told = await self.real.told(consent_id)
        if len(told) != len(set(told)) or f"consent.{status}" not in told:
            self.wrong.append(f"{where}: told {told} of {status}")

    async def _still_true(self, where: str) -> None:
        """The consent stands, and an honest read shows everything that was ever there, once, and nothing else."""
        if await self._status() is not ConsentState.AUTHORISED:
            self.wrong.append(f"{where}: the consent was ended")
            await self._anew()
        for account_id in sorted(self.seen)[:1]:
            entries = await self.statement(account_id)
            if len(entries) != len(set(entries)):
                self.wrong.append(f"{where}: an entry was shown twice")
            if not self.seen[account_id] <= set(entries):
                self.wrong.append(f"{where}: an entry was lost")
            self.seen[account_id] |= set(entries)
            await self._shown(ReadingKind.BALANCES, account_id)

    async def statement(self, account_id: UUID, payer: Payer | None = PRESENT) -> list[str]:
        """Every entry with an id over all pages, in order; a page that cannot be read now is asked for again."""
        entries: list[str] = []
        cursor: str | None = None
        while True:
            place = Wanted(cursor=cursor)
            page = await patiently(
                lambda place=place: self.real.accounts.transactions(self.real.world.tenant, account_id, place, payer)
            )
            entries += [each["id"] for each in page["data"] if each["id"] is not None]
            cursor = page["next_cursor"]
            if cursor is None:
                return entries

    async def torn_statement(self, account_id: UUID, faults: list[Fault]) -> list[str]:
        """The same, with a fault at each page's first try."""
        entries: list[str] = []
        cursor: str | None = None
        tenant = self.real.world.tenant
        while True:
            self.real.simulator.plan(faults.pop(0) if faults else Fault.ANSWER_LATE, ReadingKind.TRANSACTIONS)
            place = Wanted(cursor=cursor)
            read = lambda place=place: self.real.accounts.transactions(tenant, account_id, place, PRESENT)  # noqa: E731
            page = await self._struck(read) or await patiently(read)
            entries += [each["id"] for each in page["data"] if each["id"] is not None]
            cursor = page["next_cursor"]
            if cursor is None:
                return entries

    async def _shown(self, kind: ReadingKind, account_id: UUID) -> Any:
        """One read, whose answer must be true."""
        tenant = self.real.world.tenant
        if kind is ReadingKind.ACCOUNTS:
            found = await listed(self.real.accounts, self.real, self.consent_id)
            if set(found) != set(self.seen):
                self.wrong.append(f"the accounts are {found}")
            return found
        if kind is ReadingKind.BALANCES:
            told = await self.real.accounts.balances(tenant, account_id, Freshness(max_age=0), PRESENT)
            values = {each["amount"]["value"] for each in told["data"]}
            if not told["data"] or not values <= self.balances[account_id]:
                self.wrong.append(f"an invented balance: {values}")
            return told
        return await self.real.accounts.transactions(tenant, account_id, Wanted(), PRESENT)

    async def _struck(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """What a read that meets the fault shows; None where it says that nothing can be shown."""
        try:
            return await read()
        except _KNOWN:
            return None
        finally:
            await self.real.forget_faults()

    async def _possible(self, account_id: UUID) -> set[int]:
        """Every balance that the account may have: Open Banking UK's simulated bank books while it is read."""
        first = await self.real.accounts.balances(self.real.world.tenant, account_id, Freshness(max_age=0), PRESENT)
        values = {each["amount"]["value"] for each in first["data"]}
        if not self.real.exchanges:
            return values
        books, any_account = Ledger(), next(iter(BY_ID))
        for _ in range(4_000):
            values |= {books.balance(any_account, booked=booked) for booked in (True, False)}
            books.arrive(any_account)
        return values

    async def _accounts(self) -> list[UUID]:
        return await listed(self.real.accounts, self.real, self.consent_id)

    async def _status(self, consent_id: UUID | None = None) -> ConsentState:
        return (await self.real.accounts.consent(self.real.world.tenant, consent_id or self.consent_id)).status

    async def _anew(self) -> None:
        """Another consent to read under; its accounts have ids of their own."""
        fresh = await Matrix.begun(self.real)
        self.consent_id, self.seen, self.balances = fresh.consent_id, fresh.seen, fresh.balances


def kinds_of(real: Real) -> list[ReadingKind]:
    """The calls that this protocol makes."""
    return [kind for kind in ReadingKind if kind in real.reads]


async def linked(real: Real, *, must: bool = True) -> UUID:
    """A consent that its holder approves as soon as they are asked."""
    consent = await real.ask()
    for _ in range(8):
        if consent.status is not ConsentState.CREATED:
            break
        await sweep(real, 1)
        consent = await real.accounts.consent(real.world.tenant, consent.id)
    if consent.status is ConsentState.AWAITING_AUTHORISATION:
        await real.decided(consent, APPROVE)
        await sweep(real, 4)
    await real.forget_faults()
    status = (await real.accounts.consent(real.world.tenant, consent.id)).status
    assert not must or status is ConsentState.AUTHORISED
    found: UUID = consent.id
    return found


async def listed(accounts: Accounts, real: Real, consent_id: UUID) -> list[UUID]:
    """The accounts of a consent."""
    page = await accounts.accounts(real.world.tenant, AccountFilter(limit=9, consent_id=consent_id), PRESENT)
    return [from_text(Kind.ACCOUNT, each["id"], Environment.TEST) for each in page.data]


async def sweep(real: Real, times: int) -> None:
    """Let the sweeper look as long as something is due soon; time moves no further than that."""
    for _ in range(times):
        now = real.world.clock.now()
        due = await real.pool.fetchval(
            "SELECT min(next_check_at) FROM account_consents WHERE next_check_at < $1", now + _SOON
        )
        if due is None:
            return
        real.world.clock.advance(max((due - now).total_seconds(), 0))
        await real.sweeper.run_once()
        await real.sweeper.settle()


async def patiently(call: Callable[[], Awaitable[Found]], tries: int = 20) -> Found:
    """What a read brings once the bank can be read again."""
    for _ in range(tries):
        try:
            return await call()
        except ReadLimit:
            raise
        except Unavailable:
            await asyncio.sleep(0.05)
    return await call()
