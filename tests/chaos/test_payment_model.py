"""A payment's whole life against a model, in any order and with any death in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.testing import capture_logs

from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from tests.chaos.payment_machine import PaymentMachine
from tests.chaos.payment_processes import Stage
from tests.support.keys import StaticKeys

# A failure is shown as it was found: to shrink it against a real server takes minutes.
_MODEL = settings(
    max_examples=20,
    stateful_step_count=30,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.fixture
def _loop_never_blocked() -> None:
    """Hypothesis keeps its examples in files, between the steps."""


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    """The real parts in a loop of their own, which runs only during a step."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        pool, vault = runner.run(stack.enter_async_context(_tools(database_url)))
        yield Stage(pool, vault, runner)
        runner.run(stack.aclose())


@asynccontextmanager
async def _tools(database_url: str) -> "AsyncIterator[tuple[asyncpg.Pool[asyncpg.Record], Vault]]":
    async with (
        asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool,
        asyncpg.create_pool(database_url, min_size=1, max_size=2) as keys,
    ):
        yield pool, Vault(keys, StaticKeys(), CorrectedClock())


@pytest.mark.timeout(180)
def test_no_order_of_steps_and_deaths_pays_twice_or_says_what_is_not_so(stage: Stage) -> None:
    """Create, answer, lose, notify, enquire, cancel, suspend and crash, in any order: each status is true and ends."""
    machine = type("Machine", (PaymentMachine,), {"stage": stage})
    with capture_logs() as logs:
        run_state_machine_as_test(machine, settings=_MODEL)
    failed = [line for line in logs if line["event"] in {"payment.advance_failed", "notification.failed"}]
    assert [line for line in failed if line.get("error") != "Crash"] == []
