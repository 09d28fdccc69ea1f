"""A bank inside the process, behind the engine's port: it keeps books, and fails on command.

Its answers are its own small JSON, read by an adapter of its own. It pays one key once, as its declaration says.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.contract import (
    Answered,
    Bank,
    BankSettings,
    Evidence,
    Exchange,
    Hint,
    Instruction,
    NeverLeft,
    NoPayers,
    Notified,
    Outcome,
    Reason,
    Receipt,
    Subject,
    Unknown,
    Verdict,
)
from adapters.declaration import (
    AccountScheme,
    CurrencyRule,
    Deadlines,
    Declaration,
    EnquiryKey,
    FieldLimit,
    Idempotency,
    OperationKind,
    Recovery,
)
from adapters.wire import WireReply, WireRequest
from kernel.masked import Secret
from kernel.money import Money


class Crash(BaseException):
    """The process dies here. No `except Exception` sees it, as none would see a real death."""


DECLARATION = Declaration(
    name="scripted",
    title="Scripted",
    mapping_version="1",
    operations=frozenset({OperationKind.SUBMIT, OperationKind.ENQUIRE, OperationKind.CANCEL}),
    notifications=True,
    currencies={"GBP": CurrencyRule(exponent=2)},
    accounts=frozenset({AccountScheme.IBAN}),
    fields={"/reference": FieldLimit(max_length=35, charset="A-Za-z0-9 ")},
    idempotency=Idempotency(header="key", max_length=40, charset="a-z0-9", window_seconds=86_400),
    enquiry_keys=(EnquiryKey.END_TO_END_ID,),
    recovery={OperationKind.SUBMIT: Recovery.ENQUIRE},
    absence_proven_after_seconds=300,
    deadlines=Deadlines(total_seconds=5),
    processing_seconds=5,
)


class ScriptedAdapter(NoPayers):
    """The protocol of the scripted bank."""

    def __init__(self, declaration: Declaration = DECLARATION) -> None:
        self.declaration = declaration

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        body = {
            "kind": kind.value,
            "key": instruction.idempotency_key,
            "reference": instruction.end_to_end_id,
            "payment": instruction.payment_id.hex,
            "currency": instruction.amount.currency,
            "value": instruction.amount.value,
        }
        return WireRequest(method="POST", path=f"/{kind.value}", body=orjson.dumps(body))

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        del kind
        return _evidence(reply.body)

    def verify_notification(
        self, raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime
    ) -> Receipt:
        del settings, now
        verified = headers.get("signature") == "true"
        echo = {name: headers[name] for name in headers if name == "x-fapi-interaction-id"}
        return Receipt(
            verified=verified, dedupe_key=raw, refused_why=None if verified else "bad_signature", headers=echo
        )

    def parse_notification(self, raw: bytes) -> Notified:
        body = orjson.loads(raw)
        hints = [Hint(about=Subject(about), id=id_, ended=ended) for about, id_, ended in body.get("hints", [])]
        return Notified(
            evidence=_evidence(raw),
            end_to_end_id=body.get("reference"),
            bank_reference=body.get("bank_reference"),
            hints=tuple(hints),
        )


def _evidence(raw: bytes) -> Evidence:
    body = orjson.loads(raw)
    value = body.get("value")
    return Evidence(
        verdict=Verdict(body["verdict"]),
        raw_code=body.get("code"),
        reason=Reason(body["reason"]) if "reason" in body else None,
        bank_reference=body.get("bank_reference"),
        amount=None if value is None else Money(body["currency"], value),
        reference=body.get("reference"),
    )


@dataclass(slots=True, kw_only=True)
class Booked:
    """A payment in the bank's books; it shows in enquiries once it is visible."""

    key: str
    reference: str
    payment: str
    currency: str
    value: int
    verdict: Verdict
    visible_after: int = 0


@dataclass(slots=True, kw_only=True)
class ScriptedBank:
    """`script` holds what the next calls do, by name; when it is used up, calls are answered.

    ok, reject, no_funds, lost_before, lost_after, never_left, late, crash_before, crash_after, wrong_amount,
    wrong_reference, no_funds_for_another, duplicate, garbage, not_found, hang,
    and hang_ before what is answered after the wait.
    """

    id: str = "scripted"
    script: list[str] = field(default_factory=list)
    books: list[Booked] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    settles: bool = True
    dedupes: bool = True
    dead: set[str] = field(default_factory=set)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def then(self, steps: Iterable[str]) -> None:
        """Add to the script."""
        self.script.extend(steps)

    def be_honest(self) -> None:
        """No more failures, and the books are open."""
        self.script.clear()
        for booked in self.books:
            booked.visible_after = 0

    def paid(self, payment: str) -> list[Booked]:
        """The payments in the books for one of ours that the bank did not refuse."""
        ended = {Verdict.REJECTED, Verdict.CANCELLED}
        return [booked for booked in self.books if booked.payment == payment and booked.verdict not in ended]

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """One call."""
        del payer_access
        await asyncio.sleep(0)
        if bank.id in self.dead:
            await self.gate.wait()
        body = orjson.loads(request.body)
        self.calls.append(body["kind"])
        step = self.script.pop(0) if self.script else "ok"
        if step.startswith("hang"):
            await self.gate.wait()
            step = step.removeprefix("hang").removeprefix("_") or "ok"
        if step == "crash_before":
            raise Crash
        if step == "never_left":
            return NeverLeft(why="refused", exchange=exchange("never_left"))
        if step == "lost_before":
            return Unknown(why="timeout", bytes_seen=0, exchange=exchange("unknown"))
        answer = self._answer(body, step)
        if step == "crash_after":
            raise Crash
        if step in {"lost_after", "late"}:
            return Unknown(why="timeout", bytes_seen=0, exchange=exchange("unknown"))
        return Answered(reply=WireReply(status=200, body=orjson.dumps(answer)), exchange=exchange("answered"))

    def _answer(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        booked: Booked | None
        if step == "garbage":
            return {"verdict": "unknown"}
        if step == "not_found":
            return {"verdict": "not_found"}
        match body["kind"]:
            case "submit" if step == "duplicate":
                return {"verdict": "rejected", "reason": "duplicate"}
            case "submit":
                booked = self._submit(body, step)
            case "cancel":
                booked = self._find(body["reference"])
                if booked is None or step == "reject":
                    return {"verdict": "rejected", "reason": "too_late"}
                booked.verdict = Verdict.CANCELLED
            case _:
                booked = self._enquire(body["reference"])
        return {"verdict": "not_found"} if booked is None else self._told(booked, step)

    def _submit(self, body: dict[str, Any], step: str) -> Booked:
        for booked in self.books:
            if self.dedupes and booked.key == body["key"]:
                return booked
        made = Booked(
            key=body["key"],
            reference=body["reference"],
            payment=body["payment"],
            currency=body["currency"],
            value=body["value"],
            verdict=Verdict.REJECTED if step.startswith("no_funds") or step == "reject" else Verdict.ACCEPTED,
            visible_after=2 if step == "late" else 0,
        )
        self.books.append(made)
        return made

    def _enquire(self, reference: str) -> Booked | None:
        booked = self._find(reference)
        if booked is None:
            return None
        if booked.visible_after > 0:
            booked.visible_after -= 1
            return None
        if self.settles:
            onward = {Verdict.ACCEPTED: Verdict.SETTLED, Verdict.SETTLED: Verdict.COMPLETED}
            booked.verdict = onward.get(booked.verdict, booked.verdict)
        return booked

    def _find(self, reference: str) -> Booked | None:
        return next((booked for booked in self.books if booked.reference == reference), None)

    def _told(self, booked: Booked, step: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "verdict": booked.verdict.value,
            "code": booked.verdict.value.upper(),
            "reference": booked.reference,
            "currency": booked.currency,
            "value": booked.value,
            "bank_reference": f"B-{booked.key[:8]}",
        }
        if step.startswith("no_funds"):
            told["reason"] = Reason.INSUFFICIENT_FUNDS.value
        if step == "wrong_amount":
            told["value"] = booked.value * 100
        if step in {"wrong_reference", "no_funds_for_another"}:
            told["reference"] = "SOMEBODYELSE"
        return told


def declared(**changes: Any) -> Declaration:
    """The scripted declaration with changes."""
    return replace(DECLARATION, **changes)


def exchange(outcome: str) -> Exchange:
    """A recorded call with nothing in it."""
    return Exchange(
        at=datetime.now(UTC),
        outcome=outcome,
        duration_us=10,
        status_code=200 if outcome == "answered" else None,
        head={},
        request_body=b"{}",
        reply_body=b"{}",
    )
