"""One read at a bank: access, a place, the bank's quota, the call, and what an answer that brings nothing means."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

import structlog

from accounts.calls.access import Access
from accounts.calls.inquiries import bare_inquiry
from accounts.consents import ledger
from accounts.consents.hear import Heard, heard_of
from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from accounts.exchanges.keeping import Exchanges
from accounts.reading.believing import is_anothers
from accounts.reading.quota import Counted, ReadLimit, ReadQuota
from accounts.tools import AccountBank, Tools
from adapters.contract import Answered, NeverLeft, Payer
from adapters.contract.accounts import BankAccount, Inquiry, Reading, ReadingKind, Trouble
from adapters.wire import WireRequest
from kernel.errors import Conflict, NotFound, Unavailable
from kernel.ids import NIL

_log = structlog.get_logger()
# A bank that needs more pages than these for a list of accounts, or for balances, is not believed.
_PAGES_MAX = 20
_LATER_SECONDS = 5
_LIMIT_SECONDS = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be read. With a `payer` the holder is present, and the read is none of the unattended few."""

    consent: ConsentRow
    kind: ReadingKind
    account_id: UUID = NIL
    account: BankAccount | None = None
    booked_from: date | None = None
    booked_to: date | None = None
    page: str | None = field(default=None, repr=False)
    payer: Payer | None = None

    @property
    def counted(self) -> Counted:
        """As what it counts."""
        return Counted(consent=self.consent.ref, account_id=self.account_id)


class BankReads:
    """Reads at banks; so many at once at each bank, however many ask."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._access = Access(tools)
        self._quota = ReadQuota(tools.pool)
        self._exchanges = Exchanges(tools)
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(self._new_places)

    async def read(self, asked: Asked) -> Reading:
        """What the bank says.

        Raises Conflict (`consent_not_authorised`, `bank_refused`), NotFound, ReadLimit, Unavailable
        `bank_unavailable`.
        """
        bank = await self._bank(asked.consent)
        async with self._place(bank.bank.id):
            consent, access = await self._access.of(asked.consent, bank)
            check_authorised(consent)
            asked = replace(asked, consent=consent)
            request = self._request(asked, bank)
            counted_at = await self._count(asked, bank)
            outcome = await self._tools.engine.read(bank.bank, request, access)
        if isinstance(outcome, NeverLeft) and counted_at is not None:
            await self._quota.give_back(asked.counted, counted_at)
        heard = _believed(asked, heard_of(bank.adapter, asked.kind, outcome))
        key = await ledger.key_of(self._tools, consent)
        await self._exchanges.keep(self._tools.pool, consent, asked.kind, heard, key)
        if not isinstance(outcome, Answered):
            raise _unavailable()
        return await self._understood(asked, heard.reading)

    async def read_all(self, asked: Asked) -> Sequence[Reading]:
        """The same over all of the bank's pages; each counts. Raises as `read`: a part of them is never the whole."""
        readings: list[Reading] = []
        for _ in range(_PAGES_MAX):
            reading = await self.read(asked)
            readings.append(reading)
            if reading.next_page is None or reading.next_page == asked.page:
                return readings
            asked = replace(asked, page=reading.next_page)
        raise _unavailable()

    async def _bank(self, consent: ConsentRow) -> AccountBank:
        try:
            bank = await self._tools.bank(consent.bank_id)
        except NotFound:
            bank = None
        if bank is None or bank.known.suspended:
            raise _unavailable()
        return bank

    def _request(self, asked: Asked, bank: AccountBank) -> WireRequest:
        """Raises Unavailable for what the protocol cannot ask, such as a page that the bank linked to another list."""
        try:
            return bank.adapter.build(asked.kind, self._inquiry(asked, bank))
        except ValueError:
            _log.exception("accounts.cannot_ask", bank_id=bank.bank.id, kind=asked.kind.value)
            raise _unavailable() from None

    def _inquiry(self, asked: Asked, bank: AccountBank) -> Inquiry:
        return replace(
            bare_inquiry(self._tools, asked.consent, bank),
            account_id=None if asked.account is None else asked.account.id,
            booked_from=asked.booked_from,
            booked_to=asked.booked_to,
            page=asked.page,
            payer=asked.payer,
        )

    async def _count(self, asked: Asked, bank: AccountBank) -> datetime | None:
        limit = bank.declaration.unattended_reads_a_day
        if limit is None or asked.payer is not None:
            return None
        now = self._tools.clock.now()
        await self._quota.take(asked.counted, limit, now)
        return now

    async def _understood(self, asked: Asked, reading: Reading) -> Reading:
        match reading.trouble:
            case None:
                return reading
            case Trouble.NOT_FOUND:
                raise NotFound
            case Trouble.TOO_MANY_READS:
                seconds = reading.retry_after_seconds or _LIMIT_SECONDS
                raise ReadLimit("The bank says that it was read too often.", retry_after_seconds=seconds)
            case Trouble.REFUSED:
                raise Conflict("The bank refuses to answer this.", code="bank_refused")
            case Trouble.CONSENT_NOT_USABLE:
                await doubt(self._tools, asked.consent)
                raise _unavailable()
            case _:
                raise _unavailable()

    def _new_places(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(self._tools.policy.reads_per_bank_max)

    @asynccontextmanager
    async def _place(self, bank_id: str) -> AsyncIterator[None]:
        """One of the bank's places here; a slow bank holds its own and nothing else."""
        places = self._places[bank_id]
        try:
            async with asyncio.timeout(self._tools.policy.read_wait_seconds):
                await places.acquire()
        except TimeoutError:
            raise _unavailable() from None
        try:
            yield
        finally:
            places.release()


def _believed(asked: Asked, heard: Heard) -> Heard:
    """What was heard, or nothing where the bank answers about another account."""
    if asked.account is None or not is_anothers(asked.account, heard.reading):
        return heard
    _log.error("accounts.foreign_answer", bank_id=asked.consent.bank_id, kind=asked.kind.value)
    return replace(heard, reading=Reading(trouble=Trouble.UNREADABLE))


async def doubt(tools: Tools, consent: ConsentRow) -> None:
    """The bank does not take a consent any more: it is asked how that stands as soon as somebody can."""
    async with tools.pool.acquire() as connection, connection.transaction():
        held = await ledger.lock(connection, consent.ref)
        if held.status is ConsentState.AUTHORISED:
            now = tools.clock.now()
            await ledger.write(connection, replace(held, is_doubted=True, next_check_at=now))


def check_authorised(consent: ConsentRow) -> None:
    """Raises Conflict `consent_not_authorised` for a consent under which nothing can be read."""
    if consent.status is not ConsentState.AUTHORISED:
        raise Conflict(
            "Accounts can be read only under a consent that is authorised.",
            code="consent_not_authorised",
            action="Read the consent; where it is over, ask its holder for a new one.",
        )


def _unavailable() -> Unavailable:
    message = "The bank cannot be read at the moment."
    return Unavailable(message, code="bank_unavailable", retry_after_seconds=_LATER_SECONDS)
