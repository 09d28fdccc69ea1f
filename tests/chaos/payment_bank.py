"""The bank of the payment model: it keeps books, breaks no promise of its declaration, and fails in every other way.

What it says about its books it says with a code of its own, so that every piece of evidence that was believed can be
compared with what was true. It also watches the calls: each one that should never have been made is a sin.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from adapters.contract import Answered, Bank, Exchange, NeverLeft, Outcome, Unknown, Verdict
from adapters.declaration import Declaration, Idempotency, OperationKind, Recovery
from adapters.wire import WireReply, WireRequest
from kernel.masked import Secret
from tests.support.clock import FakeClock
from tests.support.scripted_bank import ScriptedBank, declared

PROOF_SECONDS = 300
# A call that hangs ends by then: with its process' own delays it stays within the declared time of proof.
HANGS_SECONDS_MAX = 150
_SHOWN_AFTER = timedelta(seconds=250)
# For so long the bank knows a key; a process that is slow to send it again comes in time.
WINDOW_SECONDS = 1_200
_KEYS = Idempotency(header="key", max_length=40, charset="a-z0-9", window_seconds=WINDOW_SECONDS)
_RESEND = {OperationKind.SUBMIT: Recovery.RESEND}
# Long enough for the model's hours to reach its end.
_SILENT_SECONDS = 3_600
_PROMISES = {
    "enquire": declared(absence_proven_after_seconds=PROOF_SECONDS),
    "enquire, then resend": declared(absence_proven_after_seconds=PROOF_SECONDS, recovery=_RESEND, idempotency=_KEYS),
    "resend": declared(recovery=_RESEND, enquiry_keys=(), idempotency=_KEYS),
    "never proven": declared(absence_proven_after_seconds=None),
}
DECLARATIONS = {name: replace(each, silent_after_seconds=_SILENT_SECONDS) for name, each in _PROMISES.items()}
NO_MONEY = frozenset({Verdict.REJECTED, Verdict.CANCELLED})
# What the bank may do by itself with what it has booked.
ONWARD = {
    Verdict.PENDING: (Verdict.ACCEPTED, Verdict.SETTLED, Verdict.REJECTED),
    Verdict.ACCEPTED: (Verdict.SETTLED, Verdict.COMPLETED, Verdict.REJECTED),
    Verdict.SETTLED: (Verdict.COMPLETED, Verdict.RETURNED),
    Verdict.COMPLETED: (Verdict.RETURNED,),
}


class Fate(StrEnum):
    """What becomes of one call."""

    OK = "ok"
    PENDING = "pending"  # The bank takes it and promises nothing yet.
    REJECTED = "rejected"
    NEVER_LEFT = "never_left"
    NEVER_LEFT_LATE = "never_left_late"  # Our transport says so when somebody else may have taken over.
    LOST_BEFORE = "lost_before"
    LOST_AFTER = "lost_after"
    HIDDEN = "hidden"  # The answer is lost, and enquiries do not show it for a while.
    SLOW_WAY = "slow_way"  # It reaches the bank late, also if its process dies meanwhile.
    SLOW_ANSWER = "slow_answer"
    GARBAGE = "garbage"
    NOT_FOUND = "not_found"  # An enquiry that overlooks what is there, while the declaration lets it.
    WRONG_AMOUNT = "wrong_amount"
    WRONG_REFERENCE = "wrong_reference"


HANGING = frozenset({Fate.NEVER_LEFT_LATE, Fate.SLOW_WAY, Fate.SLOW_ANSWER})
_NEVER_LEFT = frozenset({Fate.NEVER_LEFT, Fate.NEVER_LEFT_LATE})
_LOST = frozenset({Fate.LOST_AFTER, Fate.HIDDEN})


@dataclass(slots=True, kw_only=True)
class Entry:
    """A payment in the books. `was`: everything that it ever was."""

    call: Mapping[str, Any]
    verdict: Verdict
    sent_at: datetime
    shown_at: datetime
    was: list[Verdict] = field(default_factory=list)

    def move(self, verdict: Verdict) -> None:
        """It becomes something else."""
        self.verdict = verdict
        self.was.append(verdict)

    def told(self, verdict: Verdict | None = None) -> dict[str, Any]:
        """What the bank says of it, in an answer or a notification."""
        verdict = verdict or self.verdict
        return {
            "verdict": verdict.value,
            "code": true_code(verdict, self.call["payment"]),
            "reference": self.call["reference"],
            "currency": self.call["currency"],
            "value": self.call["value"],
            "bank_reference": f"B-{self.call['key'][:8]}",
        }


@dataclass(slots=True, kw_only=True)
class Sent:
    """One submission that was given to our transport."""

    key: str
    at: datetime
    never_left: bool = False


@dataclass(slots=True, kw_only=True)
class ModelBank(ScriptedBank):
    """`fates` are those of the next calls; when they are used up, calls are answered."""

    clock: FakeClock
    declaration: Declaration
    fates: list[Fate] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    sent: defaultdict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    sins: list[str] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)
    hanging: dict[asyncio.Event, datetime] = field(default_factory=dict)

    def entries_of(self, payment: str) -> list[Entry]:
        """All that the books hold of a payment."""
        return [entry for entry in self.entries if entry.call["payment"] == payment]

    def holding(self, payment: str) -> list[Entry]:
        """What holds money, or will move it."""
        return [entry for entry in self.entries_of(payment) if entry.verdict not in NO_MONEY]

    def release(self) -> None:
        """Every call that hangs goes on."""
        for gate in self.hanging:
            gate.set()
        self.hanging.clear()

    def hangs_too_long(self, seconds: float) -> bool:
        """Whether a call would hang longer than it may, if so much time passed."""
        then = self.clock.now() + timedelta(seconds=seconds)
        return any((then - since).total_seconds() > HANGS_SECONDS_MAX for since in self.hanging.values())

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """One call."""
        del bank, payer_access
        call, fate = orjson.loads(request.body), self.fates.pop(0) if self.fates else Fate.OK
        sent = self._watch(call)
        if fate is Fate.NEVER_LEFT_LATE:
            await self._hang()
        if fate in _NEVER_LEFT:
            sent.never_left = True
            return NeverLeft(why="refused", exchange=_exchange("never_left"))
        if fate is Fate.LOST_BEFORE:
            return Unknown(why="timeout", bytes_seen=0, exchange=_exchange("unknown"))
        try:
            if fate is Fate.SLOW_WAY:
                await self._hang()
        finally:
            answer = self._answer_to(call, fate, sent.at)
        if fate is Fate.SLOW_ANSWER:
            await self._hang()
        if fate in _LOST:
            return Unknown(why="timeout", bytes_seen=0, exchange=_exchange("unknown"))
        return Answered(reply=WireReply(status=200, body=orjson.dumps(answer)), exchange=_exchange("answered"))

    async def _hang(self) -> None:
        gate = asyncio.Event()
        self.hanging[gate] = self.clock.now()
        try:
            await gate.wait()
        finally:
            self.hanging.pop(gate, None)

    def _watch(self, call: Mapping[str, Any]) -> Sent:
        sent = Sent(key=call["key"], at=self.clock.now())
        if call["kind"] != OperationKind.SUBMIT:
            return sent
        earlier = [each for each in self.sent[call["payment"]] if not each.never_left]
        if earlier and not self._may_come_again(sent, earlier):
            self.sins.append(f"{call['payment']} was sent again")
        if self.suspended:
            self.sins.append(f"{call['payment']} was sent while {self.suspended} was suspended")
        self.sent[call["payment"]].append(sent)
        return sent

    def _may_come_again(self, sent: Sent, earlier: list[Sent]) -> bool:
        rules = self.declaration
        same = all(each.key == sent.key for each in earlier)
        seconds = (sent.at - earlier[0].at).total_seconds()
        return same and rules.resend_allowed(OperationKind.SUBMIT, seconds)

    def _answer_to(self, call: Mapping[str, Any], fate: Fate, sent_at: datetime) -> dict[str, Any]:
        match call["kind"]:
            case OperationKind.SUBMIT:
                entry: Entry | None = self._book(call, fate, sent_at)
            case OperationKind.CANCEL:
                entry = self._withdraw(call, fate)
                if entry is None:
                    return {"verdict": "rejected", "code": "too_late"}
            case _:
                entry = self._shown(call, overlooks=fate is Fate.NOT_FOUND)
        if fate is Fate.GARBAGE:
            return {"verdict": "unknown"}
        return {"verdict": "not_found"} if entry is None else _bent(entry.told(), fate)

    def _book(self, call: Mapping[str, Any], fate: Fate, sent_at: datetime) -> Entry:
        """One key is one payment, where the bank declares that; another bank pays whatever it is sent."""
        if self.declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND:
            for entry in self.entries:
                if entry.call["key"] == call["key"]:
                    return entry
        first = {Fate.REJECTED: Verdict.REJECTED, Fate.PENDING: Verdict.PENDING}.get(fate, Verdict.ACCEPTED)
        shown_at = sent_at + _SHOWN_AFTER if fate is Fate.HIDDEN else sent_at
        entry = Entry(call=call, verdict=first, sent_at=sent_at, shown_at=shown_at, was=[first])
        self.entries.append(entry)
        return entry

    def _withdraw(self, call: Mapping[str, Any], fate: Fate) -> Entry | None:
        """What is not settled yet may be withdrawn."""
        entry = self._shown(call, overlooks=False)
        if entry is None or fate is Fate.REJECTED or Verdict.REJECTED not in ONWARD.get(entry.verdict, ()):
            return None
        entry.move(Verdict.CANCELLED)
        return entry

    def _shown(self, call: Mapping[str, Any], *, overlooks: bool) -> Entry | None:
        now = self.clock.now()
        for entry in self.entries:
            if entry.call["reference"] == call["reference"] and entry.shown_at <= now:
                proven = (now - entry.sent_at).total_seconds() >= PROOF_SECONDS
                return entry if proven or not overlooks else None
        return None


def true_code(verdict: Verdict, payment: str) -> str:
    """The code under which the bank says something true about its books."""
    return f"{verdict.value}-{payment}"


def _bent(told: dict[str, Any], fate: Fate) -> dict[str, Any]:
    if fate is Fate.WRONG_AMOUNT:
        return {**told, "value": told["value"] * 100, "code": "bent"}
    if fate is Fate.WRONG_REFERENCE:
        return {**told, "reference": "SOMEBODYELSE", "code": "bent"}
    return told


def _exchange(outcome: str) -> Exchange:
    return Exchange(
        at=datetime.now(UTC),
        outcome=outcome,
        duration_us=10,
        status_code=None,
        head={},
        request_body=b"",
        reply_body=b"",
    )
