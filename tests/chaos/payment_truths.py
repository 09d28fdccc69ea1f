"""What must be true of payments at every moment, whatever happened: read from the tables, compared with the books."""

from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

import asyncpg

from adapters.contract import Verdict
from adapters.declaration import OperationKind, Recovery
from payments.calls.news import NEEDS_OPERATOR
from payments.states.moves import OPERATOR_MOVES, PAYMENT_MOVES, SUBMISSION_MOVES
from payments.states.names import FINAL_STATUSES, PaymentStatus, SubmissionState
from tests.chaos.payment_bank import NO_MONEY, ModelBank, true_code

_STATEMENT = """
SELECT p.id, p.status::text AS status, p.next_check_at,
    ARRAY(SELECT s.state::text FROM submissions s WHERE s.payment_id = p.id ORDER BY s.sequence) AS states,
    ARRAY(SELECT o.kind::text || ' ' || o.state::text FROM bank_operations o WHERE o.payment_id = p.id) AS operations,
    (SELECT max(o.sends) FROM bank_operations o WHERE o.payment_id = p.id) AS sends,
    ARRAY(SELECT m.what || ' ' || m.id || ' ' || m.target FROM seen_moves m WHERE m.payment_id = p.id ORDER BY m.n)
        AS moves,
    ARRAY(SELECT e.type FROM events e WHERE e.ordering_key = p.id ORDER BY e.xid, e.id) AS events,
    ARRAY(SELECT e.verdict || ' ' || coalesce(e.raw_code, '') FROM payment_evidence e
          WHERE e.payment_id = p.id AND e.applied AND e.source <> 'operator') AS believed,
    ARRAY(SELECT k.key_digest FROM request_keys k WHERE k.resource_id = p.id) AS keys
FROM payments p
ORDER BY p.id
"""
_ENDED_WITHOUT_MONEY = frozenset({PaymentStatus.REJECTED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED})
# What is reached only by a word of the bank, and which word that is.
_WORDS = {
    PaymentStatus.SUBMITTED: Verdict.PENDING,
    PaymentStatus.ACCEPTED: Verdict.ACCEPTED,
    PaymentStatus.SETTLED: Verdict.SETTLED,
    PaymentStatus.COMPLETED: Verdict.COMPLETED,
    PaymentStatus.RETURNED: Verdict.RETURNED,
}
_SILENT = frozenset({PaymentStatus.SUBMITTING, PaymentStatus.QUEUED})
# Where a lease is committed with the intent, the call begins with it.
_FIRST = frozenset({PaymentStatus.CREATED, PaymentStatus.QUEUED, PaymentStatus.SCHEDULED, PaymentStatus.SUBMITTING})
_FIRST_OF_SUBMISSIONS = frozenset({SubmissionState.PLANNED, SubmissionState.IN_FLIGHT})
_OVER = frozenset({SubmissionState.REJECTED, SubmissionState.NEVER_LEFT})


@dataclass(slots=True, kw_only=True)
class Truths:
    """`corrected` are the payments about which two persons spoke."""

    bank: ModelBank
    corrected: set[UUID] = field(default_factory=set)
    keys: dict[bytes, UUID] = field(default_factory=dict)

    async def read(self, pool: "asyncpg.Pool[asyncpg.Record]") -> list[asyncpg.Record]:
        """Every payment with its history."""
        return list(await pool.fetch(_STATEMENT))

    def check(self, rows: list[asyncpg.Record]) -> None:
        """Raise AssertionError for the first thing that may never be."""
        assert not self.bank.sins, self.bank.sins
        for row in rows:
            self._check_money(row)
            self._check_calls(row)
            self._check_moves(row)
            self._check_words(row)
            self._check_key(row)

    def _check_money(self, row: asyncpg.Record) -> None:
        holding, status = self.bank.holding(row["id"].hex), PaymentStatus(row["status"])
        assert len(holding) <= 1, "paid twice"
        assert not holding or status not in _ENDED_WITHOUT_MONEY, f"{status}, but the books hold money"
        word = _WORDS.get(status)
        was = [verdict for entry in self.bank.entries_of(row["id"].hex) for verdict in entry.was]
        assert word is None or word in was, f"{status}, but the books never said so"

    def _check_calls(self, row: asyncpg.Record) -> None:
        live = [state for state in row["states"] if state not in _OVER]
        assert len(live) <= 1, "two live submissions"
        assert sum(operation.endswith("in_flight") for operation in row["operations"]) <= 1, "two calls in flight"
        resends = self.bank.declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND
        assert resends or row["sends"] <= 1, "sent again, which the bank does not declare"

    def _check_moves(self, row: asyncpg.Record) -> None:
        by_thing: dict[tuple[str, str], list[str]] = {}
        for what, name, target in (move.split() for move in row["moves"]):
            by_thing.setdefault((what, name), []).append(target)
        for (what, _), states in by_thing.items():
            if what == "payment":
                assert states[0] in _FIRST, states
                self._check_payment(row["id"], states)
                _check_events(row["events"], states)
            else:
                assert states[0] in _FIRST_OF_SUBMISSIONS, states
                self._check_submission(row["id"], states)

    def _check_payment(self, payment_id: UUID, states: list[str]) -> None:
        for pair in pairwise(PaymentStatus(state) for state in states):
            allowed = pair[0] is pair[1] or pair in PAYMENT_MOVES
            assert allowed, f"{pair} is no move of a payment"
            revived = pair[0] is PaymentStatus.REJECTED and pair[0] is not pair[1]
            assert not revived or payment_id in self.corrected, f"{pair} without two persons"

    def _check_submission(self, payment_id: UUID, states: list[str]) -> None:
        allowed = {**SUBMISSION_MOVES, **(OPERATOR_MOVES if payment_id in self.corrected else {})}
        for pair in pairwise(SubmissionState(state) for state in states):
            assert pair[0] is pair[1] or pair in allowed, f"{pair} is no move of a submission"

    def _check_words(self, row: asyncpg.Record) -> None:
        """Everything that was believed was said by the bank about this payment, and was true when it was said."""
        was = {verdict for entry in self.bank.entries_of(row["id"].hex) for verdict in entry.was}
        for verdict, _, code in (text.partition(" ") for text in row["believed"]):
            if verdict not in {Verdict.UNKNOWN, Verdict.NOT_FOUND}:
                assert verdict in was, f"{verdict} was believed and never true"
                assert code == true_code(Verdict(verdict), row["id"].hex), f"{verdict} was believed of {code}"

    def _check_key(self, row: asyncpg.Record) -> None:
        (digest,) = row["keys"]
        assert self.keys.setdefault(digest, row["id"]) == row["id"], "a key moved to another payment"


def is_at_rest(row: asyncpg.Record) -> bool:
    """Whether it ended, or waits for two persons."""
    return row["status"] in FINAL_STATUSES or is_held(row)


def is_held(row: asyncpg.Record) -> bool:
    """Whether no machine can learn more."""
    return bool(row["states"][-1] == SubmissionState.HELD)


def _check_events(events: list[str], states: list[str]) -> None:
    """Each change is told once and in order; that a call began, or that it waits again, need not be.

    That a person was called is no change.
    """
    changes = [state for before, state in pairwise(states) if before != state]
    told = ["payment.created", *(f"payment.{state}" for state in changes if state not in _SILENT)]
    heard = [event for event in events if event not in {"payment.queued", NEEDS_OPERATOR}]
    assert heard == told, (events, states)


def true_verdict(bank: ModelBank, payment: str) -> Verdict | None:
    """What somebody who looks into the books would say; None where it is too early to say."""
    entries = bank.entries_of(payment)
    holding = [entry for entry in entries if entry.verdict not in NO_MONEY]
    if holding:
        return holding[0].verdict
    return None if bank.hanging else Verdict.REJECTED
