"""Every fault at every call of account information, at the simulated banks of both standards.

No read shows another account's or an invented balance or entry, loses one or shows it twice; no consent ends that its
bank did not end; what was lost between steps is resolved by itself, and told once.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest

from accounts.reading.quota import ReadLimit
from accounts.reading.reader import Freshness
from accounts.service import Accounts
from adapters.contract.accounts import ReadingKind
from adapters.simulation.faults import Fault
from adapters.simulation.striking import ACCOUNT_FAULTS
from kernel.errors import Unavailable
from kernel.sealing import Vault
from tests.support.account_faults import TERMS, Matrix
from tests.support.accounts_world import gathered
from tests.support.clock import RunningClock
from tests.support.real_accounts import BANKS, Real, Start, each_bank, opened

Pool = "asyncpg.Pool[asyncpg.Record]"
Record = Callable[[str, object], None]
SHORT_CELLS = 12


async def cells_of(real: Real) -> list[tuple[ReadingKind, Fault]]:
    """Every fault at every call that this bank is really asked: some begin the authorisation by themselves."""
    begun = await real.pool.fetchval("SELECT count(*) FROM consent_exchanges WHERE kind = 'authorise'")
    kinds = [kind for kind in ReadingKind if kind in real.reads and (begun or kind is not ReadingKind.AUTHORISE)]
    return [(kind, fault) for kind in kinds for fault in sorted(ACCOUNT_FAULTS)]


async def held(database: Any, vault: Vault, bank: Any, cells: int | None) -> Matrix:
    """The matrix, or so many cells of it that a seed chose, of which nothing may be wrong."""
    async with opened(database, vault, RunningClock(), bank, TERMS) as real:
        matrix = await Matrix.begun(real)
        chosen = await cells_of(real)
        if cells is not None:
            chosen = random.Random(7).sample(chosen, cells)  # noqa: S311 - cells to be repeated, no secrets
        for kind, fault in chosen:
            await matrix.cell(kind, fault)
    assert matrix.wrong == []
    assert matrix.cells == len(chosen)
    return matrix


@each_bank
async def test_some_faults_at_calls_about_accounts(database: Pool, vault: Vault, protocol: str, start: Start) -> None:
    """The long run's short form."""
    await held(database, vault, (protocol, start), SHORT_CELLS)


@pytest.mark.long
@pytest.mark.timeout(900)
@each_bank
async def test_every_fault_at_every_call_about_accounts(
    database: Pool, vault: Vault, protocol: str, start: Start, record_property: Record
) -> None:
    """The whole matrix."""
    matrix = await held(database, vault, (protocol, start), None)
    record_property("faults at calls about accounts", matrix.cells)
    record_property("invented, another's, lost or doubled entries; consents ended wrongly or left open", 0)


@each_bank
async def test_pages_whose_first_try_fails_are_whole(database: Pool, vault: Vault, protocol: str, start: Start) -> None:
    """A statement over all pages, each of which is cut off, refused or spoilt once, has every entry once."""
    faults = [Fault.TIMEOUT_AFTER, Fault.TRUNCATED, Fault.WRONG_REFERENCE, Fault.ERROR_IN_200]
    async with opened(database, vault, RunningClock(), (protocol, start), TERMS) as real:
        matrix = await Matrix.begun(real)
        account_id = min(matrix.seen)
        torn = await matrix.torn_statement(account_id, faults)
        assert len(torn) == len(set(torn))
        assert matrix.seen[account_id] <= set(torn)
        assert set(torn) <= set(await matrix.statement(account_id))


CUTTING = (Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.TRUNCATED, Fault.GARBAGE)


async def test_a_read_that_was_cut_off_is_one_of_the_days_few(database: Pool, vault: Vault) -> None:
    """The bank may have counted it, so it counts: a fifth is not asked for, by no process, however many want to."""
    async with opened(database, vault, RunningClock(), BANKS["berlin group"], TERMS) as real:
        matrix = await Matrix.begun(real)
        tenant, account_id, fresh = real.world.tenant, min(matrix.seen), Freshness(max_age=0)
        before = await _calls(real)
        for fault in CUTTING:
            real.simulator.plan(fault, ReadingKind.BALANCES)
            with pytest.raises(Unavailable):
                await real.accounts.balances(tenant, account_id, fresh, None)
        processes = [real.accounts, Accounts(real.tools)]
        refused = await gathered(*(each.balances(tenant, account_id, fresh, None) for each in processes * 3))
        assert [type(each) for each in refused] == [ReadLimit] * 6
        assert all(86_000 < each.retry_after_seconds <= 86_401 for each in refused)
        assert await _calls(real) - before == len(CUTTING)


async def test_reads_at_once_stay_within_the_day(database: Pool, vault: Vault) -> None:
    """Of ten that come together, over two processes, four reach the bank."""
    async with opened(database, vault, RunningClock(), BANKS["berlin group"], TERMS) as real:
        matrix = await Matrix.begun(real)
        tenant, account_id, fresh = real.world.tenant, min(matrix.seen), Freshness(max_age=0)
        before = await _calls(real)
        processes = [real.accounts, Accounts(real.tools)]
        answers = await gathered(*(each.balances(tenant, account_id, fresh, None) for each in processes * 5))
        assert sum(isinstance(each, dict) for each in answers) == 4
        assert await _calls(real) - before == 4


async def _calls(real: Real) -> int:
    """How often balances were read at the bank."""
    found: int = await real.pool.fetchval("SELECT count(*) FROM consent_exchanges WHERE kind = 'balances'")
    return found
