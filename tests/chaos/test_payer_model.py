"""Payers in any order: they come, refuse, come twice or never, while answers are lost and processes die."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.declaration import OperationKind, Recovery
from kernel.clock import CorrectedClock
from kernel.errors import Conflict, Unavailable
from kernel.ids import new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.journeys.handshakes import Invitation
from payments.journeys.returning import Brought
from tests.support.clock import FakeClock
from tests.support.keys import StaticKeys
from tests.support.payer_bank import REDIRECTING, STARTING, PayerBank
from tests.support.payments_world import World, make_world, second_process
from tests.support.scripted_bank import Crash

_MODEL = settings(
    max_examples=15,
    stateful_step_count=20,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
_BY_ENQUIRY = {OperationKind.SUBMIT: Recovery.ENQUIRE}
DECLARATIONS = {
    "redirect": replace(REDIRECTING, absence_proven_after_seconds=1_500),
    "redirect without keys": replace(REDIRECTING, absence_proven_after_seconds=1_500, recovery=_BY_ENQUIRY),
    "start": STARTING,
}
_FATES = st.lists(
    st.sampled_from(["ok", "lost_before", "lost_after", "never_left", "crash_before", "crash_after", "garbage"]),
    max_size=4,
)
_WHICH = st.integers(0, 3)
_ENDED = {"settled", "completed", "rejected", "cancelled", "expired"}
_Value = TypeVar("_Value")


class PayerMachine(RuleBasedStateMachine):
    """Each step is another process; `runner`, `pool` and `vault` are set by the test before it starts."""

    runner: "asyncio.Runner"
    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault

    @initialize(rules=st.sampled_from(sorted(DECLARATIONS)))
    def begin(self, rules: str) -> None:
        """A bank with these rules."""
        self.rules, self.payments, self.codes = DECLARATIONS[rules], list[UUID](), dict[UUID, str]()
        dedupes = self.rules.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND or rules == "start"
        clock = FakeClock(datetime.now(UTC))
        name = f"scripted-{new_id(clock.now()).hex[-12:]}"
        self.bank = PayerBank(id=name, dedupes=dedupes, declaration=self.rules)
        self.world = self.do(make_world(self.pool, self.vault, clock, declaration=self.rules, bank=self.bank))

    @rule(fates=_FATES)
    def create(self, fates: list[str]) -> None:
        """A partner wants a payment."""
        if len(self.payments) < 4:
            self._act(lambda world: world.pay(str(len(self.payments)), 1), fates)
            found = self.do(self.world.rows("SELECT id FROM payments WHERE partner_id = $1", self._partner))
            self.payments += [row["id"] for row in found if row["id"] not in self.payments]

    @rule(which=_WHICH, fates=_FATES, times=st.integers(1, 2))
    def come(self, which: int, fates: list[str], times: int) -> None:
        """A payer goes where they were sent, says yes and comes back, once or twice."""
        for _ in range(times):
            self._return(which, fates, says_yes=True)

    @rule(which=_WHICH, fates=_FATES, at_bank=st.booleans())
    def refuse(self, which: int, fates: list[str], *, at_bank: bool) -> None:
        """A payer says no, to the bank or only to their browser."""
        self._return(which, fates, says_yes=False, at_bank=at_bank)

    @rule(seconds=st.sampled_from([2, 40, 700, 3_700]), fates=_FATES)
    def sweep(self, seconds: int, fates: list[str]) -> None:
        """Time passes, and somebody looks."""
        self._act(lambda world: world.sweep(seconds), fates)

    @rule(which=_WHICH, fates=_FATES)
    def cancel(self, which: int, fates: list[str]) -> None:
        """The partner withdraws a payment."""
        if self.payments:
            payment = self.payments[which % len(self.payments)]
            self._act(lambda world: world.payments.cancel(world.caller, payment, 1), fates)

    @rule(state=st.sampled_from(["suspended", "active"]))
    def suspend_or_resume(self, state: str) -> None:
        """Nothing is begun at the bank, or all may go on."""
        self.do(self.pool.execute("UPDATE banks SET state = $1::activity WHERE id = $2", state, self.bank.id))

    @invariant()
    def nothing_is_false(self) -> None:
        """One payment or none, as its status says; and what has ended holds no access."""
        for row in self._rows() if hasattr(self, "world") else []:
            paid, status = self.bank.paid(row["id"].hex), row["status"]
            assert len(paid) <= 1, f"paid twice: {self.bank.calls}"
            assert status not in {"rejected", "cancelled", "expired"} or not paid, f"a false {status}"
            assert status not in {"accepted", "settled", "completed"} or paid, f"a false {status}"
            assert not (row["holds"] and status in _ENDED), f"access is held although it is {status}"

    def teardown(self) -> None:
        """The bank becomes honest and nobody comes any more: everything ends by itself."""
        if not hasattr(self, "world"):
            return
        self.suspend_or_resume("active")
        self.bank.be_honest()
        for _ in range(14):
            self.sweep(1_000, [])
            self.nothing_is_false()
        left = [(row["id"].hex, row["status"]) for row in self._rows() if row["status"] not in _ENDED]
        assert not left, (left, self.bank.calls[-20:])

    @property
    def _partner(self) -> UUID:
        return self.world.tenant.partner_id

    def _rows(self) -> list[asyncpg.Record]:
        return self.do(
            self.world.rows(
                "SELECT p.id, p.status::text AS status, EXISTS (SELECT FROM authorisations a WHERE a.payment_id = p.id"
                " AND a.sealed_grant IS NOT NULL) AS holds FROM payments p WHERE p.partner_id = $1",
                self._partner,
            )
        )

    def _return(self, which: int, fates: list[str], *, says_yes: bool, at_bank: bool = True) -> None:
        if not self.payments:
            return
        payment = self.payments[which % len(self.payments)]
        row = self.do(self.pool.fetchrow("SELECT * FROM authorisations WHERE payment_id = $1", payment))
        assert row is not None
        bound = b"authorisations.handshake:" + row["id"].bytes
        opened = self.do(self.vault.open(self._partner, row["sealed_handshake"], bound))
        invitation = Invitation.from_json(opened)
        if invitation.url is not None and at_bank:
            consent = next(i for i, each in enumerate(self.bank.consents) if _is_of(invitation.url, each.id))
            if says_yes and payment not in self.codes:
                self.codes[payment] = self.bank.authorise(consent)
            elif not says_yes:
                self._say_no(consent)
        code = self.codes.get(payment)
        brought = Brought(state=invitation.handshake.state, code=Secret(code) if code else None, refused=not says_yes)
        self._act(lambda world: world.payments.returned(world.bank.id, brought), fates)

    def _say_no(self, consent: int) -> None:
        """Not any more once they have said yes."""
        if self.bank.consents[consent].verdict == "needs_authorisation" and not self.bank.consents[consent].code:
            self.bank.refuse(consent)

    def _act(self, work: Any, fates: list[str]) -> None:
        process = second_process(self.world, self.vault, declaration=self.rules)
        self.bank.script[:] = fates
        try:
            self.do(_done(process, work))
        finally:
            self.bank.script.clear()

    def do(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """One step, to its end."""
        return self.runner.run(work)


def _is_of(url: Secret, consent_id: str) -> bool:
    text = url.reveal()
    return f"consent={consent_id}&" in text or f"/start/{consent_id}/" in text


async def _done(process: World, work: Any) -> None:
    with contextlib.suppress(Crash, Conflict, Unavailable):
        await work(process)
    for _ in range(3):  # Each task that dies takes the waiting for the others along.
        with contextlib.suppress(Crash):
            await process.payments._runner.settle()


@asynccontextmanager
async def _tools(database_url: str) -> "AsyncIterator[tuple[asyncpg.Pool[asyncpg.Record], Vault]]":
    async with (
        asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool,
        asyncpg.create_pool(database_url, min_size=1, max_size=2) as keys,
    ):
        yield pool, Vault(keys, StaticKeys(), CorrectedClock())


@pytest.fixture
def _loop_never_blocked() -> None:
    """Hypothesis keeps its examples in files, between the steps."""


@pytest.fixture
def machine(database_url: str) -> Iterator[type[PayerMachine]]:
    """The machine on the real tables."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        stack = AsyncExitStack()
        pool, vault = runner.run(stack.enter_async_context(_tools(database_url)))
        yield type("Machine", (PayerMachine,), {"runner": runner, "pool": pool, "vault": vault})
        runner.run(stack.aclose())


@pytest.mark.timeout(180)
def test_no_order_of_payers_and_deaths_pays_twice_or_says_what_is_not_so(machine: type[PayerMachine]) -> None:
    """Every payment ends by itself, paid once or not at all, and each status on the way is true."""
    run_state_machine_as_test(machine, settings=_MODEL)
