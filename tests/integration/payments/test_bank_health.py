"""How banks fare, told by the processes that call them and read by anyone."""

from dataclasses import dataclass, field

import asyncpg
from prometheus_client import CollectorRegistry

from adapters.engine.recent import Standing
from kernel.sealing import Vault
from payments.banks.health import Condition, HealthTeller, read_health
from payments.banks.metrics import UnreadableGauge
from tests.support.clock import FakeClock
from tests.support.payments_world import add_bank, make_world

Pool = "asyncpg.Pool[asyncpg.Record]"
BANKS = ("foreign", "broken", "scripted")


@dataclass(slots=True)
class Process:
    """What one process saw."""

    standings: dict[str, Standing] = field(default_factory=dict)

    def see(self, bank_id: str, calls: int, failures: int, shut_seconds: float = 0) -> None:
        self.standings[bank_id] = Standing(calls=calls, failures=failures, shut_seconds=shut_seconds)


async def test_processes_are_summed_up(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Calls and failures of all of them; one open breaker is enough to be told; banks nobody called are not there."""
    one, two = Process(), Process()
    tellers = [HealthTeller(database, lambda each=each: each.standings) for each in (one, two)]
    one.see("a", 10, 1)
    one.see("b", 4, 4, shut_seconds=8)
    two.see("a", 30, 9)
    two.see("b", 4, 0)
    two.see("c", 0, 0)
    for teller in tellers:
        await teller.run_once()
    health = await read_health(database)
    assert set(health) == {"a", "b"}
    assert (health["a"].calls, health["a"].failures, health["a"].shut_until) == (40, 10, None)
    assert health["a"].condition(suspended=False) is Condition.HEALTHY
    assert health["b"].condition(suspended=False) is Condition.PAUSED


async def test_what_changed_is_told_anew_and_what_ended_is_forgotten(database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """A bank that is well again is told so once more; a process that tells nothing any longer does not count."""
    process = Process()
    teller = HealthTeller(database, lambda: process.standings)
    process.see("a", 3, 3, shut_seconds=5)
    await teller.run_once()
    process.see("a", 0, 0)
    await teller.run_once()
    assert (await read_health(database))["a"].condition(suspended=False) is Condition.IDLE
    process.see("a", 5, 5)
    await teller.run_once()
    await database.execute("UPDATE bank_health SET told_at = told_at - interval '1 minute'")
    assert await read_health(database) == {}
    await database.execute("UPDATE bank_health SET told_at = told_at - interval '1 hour'")
    other = HealthTeller(database, lambda: process.standings)
    await other.run_once()
    assert await database.fetchval("SELECT count(*) FROM bank_health") == 1


async def test_banks_that_cannot_be_served_are_told_by_name(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock
) -> None:
    """Settings that do not open, an adapter that is not installed; what can be read again is 0."""
    registry = CollectorRegistry()
    world = await make_world(database, vault, clock)
    await add_bank(database, vault, "foreign", "nobodys")
    await add_bank(database, vault, "broken")
    await database.execute("UPDATE banks SET sealed_settings = '\\x00', version = version + 1 WHERE id = 'broken'")
    gauge = UnreadableGauge(world.tools.banks, registry)
    await gauge.run_once()
    told = {name: registry.get_sample_value("threadneedle_bank_unreadable", {"bank_id": name}) for name in BANKS}
    assert told == {"foreign": 1, "broken": 1, "scripted": None}
    await database.execute("DELETE FROM banks WHERE id = 'broken'")
    await add_bank(database, vault, "broken")
    world.clock.advance(2)
    await gauge.run_once()
    assert registry.get_sample_value("threadneedle_bank_unreadable", {"bank_id": "broken"}) == 0
