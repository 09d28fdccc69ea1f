"""Payments in any order of calls, answers, silence, notifications, suspensions and deaths.

The real payments room runs in two processes on the real tables. The model is the bank's books and the tables of moves;
`payment_truths` says what must hold after every step. In the end the bank is honest, and every payment ends.
"""

from datetime import timedelta
from itertools import count
from uuid import UUID

import asyncpg
import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.contract import Verdict
from kernel.errors import Conflict, Forbidden, Unavailable
from kernel.ids import new_id
from kernel.money import Money
from payments.model import Created, RequestKey
from payments.operators.evidence import OperatorEvidence
from payments.operators.proposals import Actor, Proposal
from tests.chaos.payment_bank import DECLARATIONS, HANGING, ONWARD, WINDOW_SECONDS, Entry, Fate
from tests.chaos.payment_processes import PROCESSES, Stage
from tests.chaos.payment_truths import Truths, is_at_rest, is_held, true_verdict
from tests.support.payments_world import World

_VALUE = 1234
_POINTS_MAX = 25
_ROUNDS_MAX = 30
_ROUND_SECONDS = 901
_WAIT_SECONDS = 5.0
_SUSPENSIONS = {"bank": "banks", "partner": "partners", "client": "oauth_clients"}
_KEY = st.integers(0, 5)
_PROCESS = st.integers(0, PROCESSES - 1)
# A bank that has it and does not say so is what all the rules are about.
_FATE = st.sampled_from([*Fate, Fate.HIDDEN, Fate.HIDDEN, Fate.LOST_AFTER, Fate.NOT_FOUND, Fate.SLOW_WAY])
_FATES = st.lists(_FATE, max_size=3)
_WHICH = st.integers(0, 7)


class PaymentMachine(RuleBasedStateMachine):
    """`stage` is set by the test before it starts.

    No rule has a precondition: which rules may come must not depend on when a real process dies.
    """

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.payments: list[asyncpg.Record] = []
        self.directed = count(100)
        self.said: list[dict[str, object]] = []

    @initialize(
        rules=st.sampled_from(sorted(DECLARATIONS)),
        fates=st.lists(_FATE, min_size=2, max_size=4),
        is_mute=st.booleans(),
    )
    def begin(self, rules: str, fates: list[Fate], *, is_mute: bool) -> None:
        """A bank with these rules, and payments whose calls had these fates.

        A mute bank never tells by itself how it ended: then only our own questions can find out.
        """
        self.stage.do(self.stage.reset(rules))
        self.is_mute = is_mute and bool(self.stage.bank.declaration.enquiry_keys)
        self.truths = Truths(bank=self.stage.bank)
        for key, fate in enumerate(fates):
            self._create(0, key, _VALUE, fate, 0)

    @rule(process=_PROCESS, key=_KEY, fate=_FATE)
    def create(self, process: int, key: int, fate: Fate) -> None:
        """A partner sends a request, or sends it again."""
        self._create(process, key, _VALUE, fate, 0)

    @rule(process=_PROCESS, key=_KEY, seconds=st.sampled_from([30, 900]))
    def schedule(self, process: int, key: int, seconds: int) -> None:
        """A payment for later; where the key was used before, another request with it."""
        self._create(process, key, _VALUE + 1, Fate.OK, seconds)

    @rule(process=_PROCESS, seconds=st.sampled_from([2, 10, 40]), fates=_FATES)
    def sweep(self, process: int, seconds: int, fates: list[Fate]) -> None:
        """Time passes, and a sweeper takes what is due; it asks, or sends again, or takes over."""
        self.pass_time(seconds)
        self._act(process, lambda world: world.sweeper.run_once(), fates)

    @rule(process=_PROCESS, seconds=st.sampled_from([120, 300, 1_300]), fates=_FATES)
    def sweep_late(self, process: int, seconds: int, fates: list[Fate]) -> None:
        """The same after the declared times have passed, or nearly."""
        self.sweep(process, seconds, fates)

    @rule(seconds=st.sampled_from([20, 1_000, 4_000]))
    def pass_time(self, seconds: int) -> None:
        """Nobody looks. A call that would hang for too long goes on before."""
        if self.stage.bank.hangs_too_long(seconds):
            self.release()
        self.stage.clock.advance(seconds)

    @rule()
    def release(self) -> None:
        """What hung goes on."""
        self.stage.bank.release()
        self.stage.do(self.stage.quiet())

    @rule(process=_PROCESS, which=_WHICH, fate=_FATE)
    def cancel(self, process: int, which: int, fate: Fate) -> None:
        """The partner withdraws a payment."""
        if not self.payments:
            return
        payment = self._payment(which)
        done = self._act(
            process, lambda world: world.payments.cancel(world.caller, payment, self._patience([fate])), [fate]
        )
        assert not isinstance(done, Exception) or isinstance(done, Conflict | Unavailable), done

    @rule(which=_WHICH, onward=_WHICH, tells=st.booleans())
    def bank_moves(self, which: int, onward: int, *, tells: bool) -> None:
        """The bank goes on with what it has booked, and may tell at once."""
        moving = [entry for entry in self.stage.bank.entries if entry.verdict in ONWARD]
        if not moving:
            return
        entry = moving[which % len(moving)]
        choices = ONWARD[entry.verdict]
        entry.move(choices[onward % len(choices)])
        if tells:
            self._tell(entry)
            self.read_inbox(0)

    @rule(process=_PROCESS, which=_WHICH, word=_WHICH, times=st.integers(1, 2))
    def notify(self, process: int, which: int, word: int, times: int) -> None:
        """The bank tells what is or was so: in order or not, before its answer or after it, once or twice."""
        if not self.stage.bank.entries:
            return
        entry = self.stage.bank.entries[which % len(self.stage.bank.entries)]
        raw = orjson.dumps(entry.told(entry.was[word % len(entry.was)]))
        for _ in range(times):
            self._act(process, lambda world: world.inbox.accept(world.bank.id, raw, {"signature": "true"}))

    @rule(process=_PROCESS, which=_WHICH, verdict=st.sampled_from([v for v in Verdict if v in ONWARD]))
    def forge(self, process: int, which: int, verdict: Verdict) -> None:
        """Somebody else says what may or may not be so."""
        if not self.stage.bank.entries:
            return
        entry = self.stage.bank.entries[which % len(self.stage.bank.entries)]
        raw = orjson.dumps({**entry.told(), "verdict": verdict.value, "code": "forged"})
        refused = self._act(process, lambda world: world.inbox.accept(world.bank.id, raw, {}))
        assert refused is None or isinstance(refused, Forbidden)

    @rule(process=_PROCESS, fate=st.sampled_from([Fate.LOST_BEFORE, Fate.LOST_AFTER, Fate.HIDDEN]))
    def answer_only_after_the_window(self, process: int, fate: Fate) -> None:
        """Nobody looks at an unknown payment until the bank has forgotten its key; then everybody does."""
        self._create(process, next(self.directed), _VALUE, fate, 0)
        self.pass_time(WINDOW_SECONDS + 1)
        for number in range(PROCESSES):
            self.sweep(number, 10, [Fate.NOT_FOUND])

    @rule(process=_PROCESS, what=st.sampled_from(sorted(_SUSPENSIONS)))
    def suspend_before_it_left(self, process: int, what: str) -> None:
        """What is still to be sent again must wait for whoever was suspended meanwhile."""
        self._create(process, next(self.directed), _VALUE, Fate.NEVER_LEFT, 0)
        if not self.stage.bank.suspended:
            self.suspend_or_resume(what)
        for number in range(PROCESSES):
            self.sweep(number, 40, [])

    @rule(process=_PROCESS, points=st.integers(1, 12))
    def die_while_asking(self, process: int, points: int) -> None:
        """A process dies at any point of an enquiry; somebody asks again."""
        self._create(process, next(self.directed), _VALUE, Fate.LOST_AFTER, 0)
        self.doom(process, points)
        self.sweep(process, 40, [Fate.LOST_BEFORE])

    @rule(process=_PROCESS)
    def read_inbox(self, process: int) -> None:
        """A worker applies what was told."""
        self._act(process, lambda world: world.inbox_worker.run_once())

    @rule(what=st.sampled_from(sorted(_SUSPENSIONS)))
    def suspend_or_resume(self, what: str) -> None:
        """Nothing more is sent, until all may go on."""
        if self.stage.bank.suspended:
            self._resume()
        else:
            self._set_state(what, "suspended")
            self.stage.bank.suspended.add(what)

    @rule(process=_PROCESS, which=_WHICH)
    def two_persons(self, process: int, which: int) -> None:
        """They look into the books and say what they see."""
        if not self.payments:
            return
        payment = self._payment(which)
        verdict = true_verdict(self.stage.bank, payment.hex)
        if verdict is None or verdict is Verdict.PENDING:
            return
        self.truths.corrected.add(payment)
        done = self._act(process, lambda world: _speak(world, Proposal(payment_id=payment, verdict=verdict, note="x")))
        assert not isinstance(done, Exception) or isinstance(done, Conflict), done

    @rule(process=_PROCESS, points=st.integers(1, _POINTS_MAX))
    def doom(self, process: int, points: int) -> None:
        """The process will die before or after one of its next commits or calls."""
        self.stage.doom(process, points)

    @rule(process=_PROCESS)
    def kill(self, process: int) -> None:
        """It dies at once, with all the calls that it has under way."""
        self.stage.do(self.stage.kill(process))

    @invariant()
    def nothing_is_false(self) -> None:
        """See payment_truths."""
        self.payments = self.stage.do(self.truths.read(self.stage.pool))
        self.truths.check(self.payments)

    def teardown(self) -> None:
        """The bank becomes honest, nobody dies any more, and time passes: everything ends, or waits for two persons."""
        try:
            if hasattr(self, "truths"):
                self._end()
        finally:
            super().teardown()

    def _end(self) -> None:
        self._resume()
        self.release()
        for process in range(PROCESSES):
            self.stage.doom(process, None)
        for _ in range(_ROUNDS_MAX):
            self._honest_round()
            if all(is_at_rest(row) for row in self.payments):
                break
        assert all(is_at_rest(row) for row in self.payments), self.payments
        for which, row in enumerate(self.payments):
            if is_held(row):
                self.two_persons(0, which)
        self.nothing_is_false()
        assert not any(is_held(row) for row in self.payments), self.payments

    def _honest_round(self) -> None:
        for entry in self.stage.bank.entries:
            entry.shown_at = min(entry.shown_at, self.stage.clock.now())
            if entry.verdict in ONWARD and entry.verdict is not Verdict.COMPLETED:
                entry.move(Verdict.COMPLETED)
            if not self.is_mute and entry.told() not in self.said:
                self.said.append(entry.told())
                self._tell(entry)
        for process in range(PROCESSES):
            self.read_inbox(process)
            self.sweep(process, _ROUND_SECONDS, [])
        self.nothing_is_false()

    def _tell(self, entry: Entry) -> None:
        raw = orjson.dumps(entry.told())
        self._act(0, lambda world: world.inbox.accept(world.bank.id, raw, {"signature": "true"}))

    def _create(self, process: int, key: int, value: int, fate: Fate, later_seconds: int) -> None:
        name, now = RequestKey(f"key-{key}"), self.stage.clock.now()
        execute_at = now + timedelta(seconds=later_seconds) if later_seconds else None
        changes = {"amount": Money("GBP", value), "execute_at": execute_at}
        patience = self._patience([fate])
        created = self._act(process, lambda world: world.pay(name.value, patience, **changes), [fate])
        if isinstance(created, Created):
            assert created.repeated == (name.digest in self.truths.keys), "a key is answered as new twice, or never"
            bound = self.truths.keys.setdefault(name.digest, created.payment.id)
            assert bound == created.payment.id, "one key, two payments"
        elif created is not None:
            assert isinstance(created, Conflict), created
            assert created.problem_code == "idempotency_key_reused"

    def _act(self, process: int, work: object, fates: list[Fate] | None = None) -> object:
        self.stage.bank.fates = list(fates or [])
        try:
            return self.stage.do(self.stage.act(process, work))  # type: ignore[arg-type]
        finally:
            self.stage.bank.fates = []

    def _patience(self, fates: list[Fate]) -> float:
        """How long a caller waits: not for what hangs until the model lets it go."""
        return 0 if self.stage.bank.hanging or HANGING.intersection(fates) else _WAIT_SECONDS

    def _payment(self, which: int) -> UUID:
        payment: UUID = self.payments[which % len(self.payments)]["id"]
        return payment

    def _resume(self) -> None:
        for what in _SUSPENSIONS:
            self._set_state(what, "active")
        self.stage.bank.suspended.clear()

    def _set_state(self, what: str, state: str) -> None:
        self.stage.do(self.stage.pool.execute(f"UPDATE {_SUSPENSIONS[what]} SET state = '{state}'"))  # noqa: S608 - ours


async def _speak(world: World, proposal: Proposal) -> object:
    operators, now = OperatorEvidence(world.tools), world.clock.now()
    first, second = (Actor(id=new_id(now), request_id="r") for _ in range(2))
    proposed = await operators.propose(proposal, first)
    return await operators.confirm(proposal.payment_id, proposed.id, second)
