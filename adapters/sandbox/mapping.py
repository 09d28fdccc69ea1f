"""Our operations in the sandbox bank's words, and its answers in ours. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from adapters.contract import Adapter, BankSettings, Evidence, Instruction, NoPayers, Notified, Receipt, Verdict
from adapters.declaration import OperationKind
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, as_object, code_of, read_object
from adapters.sandbox import notifications
from adapters.sandbox.declaration import SANDBOX
from adapters.sandbox.reading import error_of, payment_evidence, reason_of
from adapters.sandbox.tables import ERRORS, REFUSALS
from adapters.wire import WireReply, WireRequest
from kernel.money import Money

_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "threadneedle"))


def adapter() -> Adapter:
    """The adapter of this folder."""
    return SandboxAdapter()


class SandboxAdapter(NoPayers):
    """The sandbox bank's protocol."""

    declaration = SANDBOX

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        """The request. Raises ValueError for a kind that is not declared, or a cancellation without bank_reference."""
        match kind:
            case OperationKind.SUBMIT:
                return _post("/payments", instruction, orjson.dumps(_payment(instruction)))
            case OperationKind.ENQUIRE:
                return WireRequest(method="GET", path=_enquiry(instruction), headers=_HEADERS, fresh=_fresh())
            case OperationKind.CANCEL if instruction.bank_reference is not None:
                return _post(f"/payments/{_segment(instruction.bank_reference)}/cancel", instruction, b"{}")
            case _:
                raise ValueError("the sandbox bank cannot be asked this")

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        """What the answer proves; never raises."""
        try:
            body = read_object(reply.body)
            error = error_of(body)
            return _success(reply, body) if error is None else _failure(kind, reply, error)
        except Unreadable:
            return Evidence(verdict=Verdict.UNKNOWN, retry_after_seconds=retry_after_seconds(reply.headers))

    def verify_notification(
        self, raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime
    ) -> Receipt:
        """Whether the bank signed these bytes within five minutes of now."""
        return notifications.verify(raw, headers, settings, now)

    def parse_notification(self, raw: bytes) -> Notified:
        """What the notification says; never raises."""
        return notifications.parse(raw)


def _payment(instruction: Instruction) -> dict[str, Any]:
    return {
        "end_to_end_id": instruction.end_to_end_id,
        "amount": _amount(instruction.amount),
        "creditor": _creditor(instruction),
        "reference": instruction.reference.reveal(),
        "requested_at": instruction.requested_at.isoformat(),
    }


def _amount(amount: Money) -> dict[str, str]:
    return {"currency": amount.currency, "value": f"{amount.to_decimal():f}"}


def _creditor(instruction: Instruction) -> dict[str, str]:
    name, account = instruction.creditor.name.reveal(), instruction.creditor.account
    if account.iban is not None:
        return {"name": name, "iban": account.iban.reveal()}
    if account.account_number is None:
        raise ValueError("the creditor has no account")
    where = {"sort_code": account.sort_code, "routing_number": account.routing_number}
    named = {form: code for form, code in where.items() if code is not None}
    return {"name": name, **named, "account_number": account.account_number.reveal()}


def _post(path: str, instruction: Instruction, body: bytes) -> WireRequest:
    headers = (*_HEADERS, ("Content-Type", "application/json"), ("Idempotency-Key", instruction.idempotency_key))
    return WireRequest(method="POST", path=path, headers=headers, body=body, fresh=_fresh())


def _fresh() -> tuple[str, ...]:
    return SANDBOX.fresh_headers


def _enquiry(instruction: Instruction) -> str:
    if instruction.bank_reference is not None:
        return f"/payments/{_segment(instruction.bank_reference)}"
    return f"/payments?end_to_end_id={_segment(instruction.end_to_end_id)}"


def _segment(text: str) -> str:
    return quote(text, safe="")


def _success(reply: WireReply, body: dict[str, Any]) -> Evidence:
    if reply.status not in {200, 201}:
        raise Unreadable
    if "data" not in body:
        return payment_evidence(body)
    found = body["data"]
    if not isinstance(found, list) or len(found) > 1:
        raise Unreadable
    return payment_evidence(as_object(found[0])) if found else Evidence(verdict=Verdict.NOT_FOUND)


def _failure(kind: OperationKind, reply: WireReply, error: dict[str, Any]) -> Evidence:
    code = code_of(error.get("code"))
    if kind is OperationKind.SUBMIT and (reply.status, code) in REFUSALS:
        return _refusal(reply.status, code or "", error)
    if kind is OperationKind.ENQUIRE and (reply.status, code) == (404, "not_found"):
        return Evidence(verdict=Verdict.NOT_FOUND, raw_code=code)
    if kind is OperationKind.CANCEL and (reply.status, code) == (409, "too_late"):
        return payment_evidence(as_object(error.get("payment")))
    return Evidence(
        verdict=Verdict.UNKNOWN,
        raw_code=code,
        reason=ERRORS.get(code or ""),
        retry_after_seconds=retry_after_seconds(reply.headers),
    )


def _refusal(status: int, code: str, error: dict[str, Any]) -> Evidence:
    reason_code = code_of(error.get("reason_code"))
    reason = REFUSALS[(status, code)] if reason_code is None else reason_of(reason_code)
    return Evidence(verdict=Verdict.REJECTED, raw_code=reason_code or code, iso_code="RJCT", reason=reason)
