"""Processes that can die at any commit and around any call, and the stage on which they live."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import asyncpg

from kernel.errors import ThreadneedleError
from kernel.sealing import Vault
from payments.policy import PaymentsPolicy
from tests.chaos.payment_bank import DECLARATIONS, ModelBank
from tests.support.clock import FakeClock
from tests.support.mortal import Life, MortalCalls, MortalPool
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import Crash

PROCESSES = 2
# Ages short enough to be reached within a model's hours.
POLICY = PaymentsPolicy(submissions_max=3, unsent_age_max_seconds=3_600, unknown_age_max_seconds=7_200)
_QUIET_SECONDS_MAX = 20
_TABLES = (
    "seen_moves, payments, submissions, bank_operations, payment_evidence, payment_exceptions, evidence_proposals,"
    " bank_exchanges, bank_notifications, request_keys, events, oauth_clients, merchants, environments, partners, banks"
)
# What the model believes of moves is what the tables went through, not what the room says of them.
_WATCH = """
CREATE TABLE seen_moves (n bigint GENERATED ALWAYS AS IDENTITY, what text, payment_id uuid, id uuid, origin text,
                         target text);
CREATE FUNCTION see_payment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen_moves (what, payment_id, id, origin, target)
    VALUES ('payment', NEW.id, NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status::text END, NEW.status::text);
    RETURN NEW;
END $$;
CREATE FUNCTION see_submission() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen_moves (what, payment_id, id, origin, target)
    VALUES ('submission', NEW.payment_id, NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state::text END, NEW.state::text);
    RETURN NEW;
END $$;
CREATE TRIGGER seen AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION see_payment();
CREATE TRIGGER seen AFTER INSERT OR UPDATE ON submissions FOR EACH ROW EXECUTE FUNCTION see_submission();
"""
_Value = TypeVar("_Value")


class Stage:
    """The real rooms of two processes, one bank, one database, in a loop that runs only during a step."""

    base: World
    bank: ModelBank

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, runner: asyncio.Runner) -> None:
        self.pool = pool
        self._vault = vault
        self._runner = runner
        self._lives: list[Life] = []
        self._processes: list[World] = []
        runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        self.do(pool.execute(_WATCH))

    @property
    def clock(self) -> FakeClock:
        return self.base.clock

    def do(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """One step, to its end."""
        return self._runner.run(work)

    async def reset(self, rules: str) -> None:
        """Another partner, at a bank with these rules; nothing is left of the one before."""
        for number in range(len(self._processes)):
            await self.kill(number)
        await self.pool.execute(f"TRUNCATE {_TABLES}")
        clock = FakeClock(datetime.now(UTC))
        self.bank = ModelBank(clock=clock, declaration=DECLARATIONS[rules])
        self.base = await make_world(
            self.pool, self._vault, clock, declaration=self.bank.declaration, policy=POLICY, bank=self.bank
        )
        self._lives = [Life() for _ in range(PROCESSES)]
        self._processes = [self._born(life) for life in self._lives]

    async def act(self, number: int, work: Callable[[World], Awaitable[_Value]]) -> _Value | ThreadneedleError | None:
        """Let a process do something until all that it began has ended or hangs; None where it died of it.

        What the room refuses is returned, not raised.
        """
        result: _Value | ThreadneedleError | None = None
        try:
            result = await work(self._processes[number])
        except ThreadneedleError as error:
            result = error
        except Crash:
            pass
        await self.quiet()
        return result

    async def quiet(self) -> None:
        """Wait until every call has ended or hangs, then bury the dead."""
        async with asyncio.timeout(_QUIET_SECONDS_MAX):
            while len(calls := _calls()) > len(self.bank.hanging):
                await asyncio.wait(calls, timeout=0.002, return_when=asyncio.FIRST_COMPLETED)
        for number, life in enumerate(self._lives):
            if life.dead:
                await self.kill(number)

    def doom(self, number: int, points: int | None) -> None:
        """The process will die at its n-th point."""
        self._lives[number].points = points

    async def kill(self, number: int) -> None:
        """The process ends where it stands; another one comes in its place."""
        old = self._processes[number]
        tasks = [*old.payments._runner._tasks.values(), *old.sweeper._runner._tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._lives[number] = Life()
        self._processes[number] = self._born(self._lives[number])

    def _born(self, life: Life) -> World:
        pool = cast("asyncpg.Pool[asyncpg.Record]", MortalPool(self.pool, life))
        tools = replace(self.base.tools, pool=pool)
        mortal, engine = replace(self.base, tools=tools), MortalCalls(self.bank, life)
        return second_process(mortal, self._vault, declaration=self.bank.declaration, engine=engine)


def _calls() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("payment ")]
