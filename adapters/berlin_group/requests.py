"""The payment requests of this protocol. Pure: equal instructions give equal bytes."""

from typing import Any
from urllib.parse import quote

import orjson

from adapters.berlin_group import headers
from adapters.contract import Account, Instruction
from adapters.wire import WireRequest
from kernel.money import Money

DEFAULT_PRODUCT = "sepa-credit-transfers"
_EXPLICIT: headers.Headers = (("TPP-Explicit-Authorisation-Preferred", "true"),)


def initiate(instruction: Instruction) -> WireRequest:
    """POST /v1/payments/{product}: a resource that pays nothing until its authorisation. Raises ValueError."""
    if not headers.takes_address(instruction.settings, instruction.payer):
        raise ValueError("this bank wants the payer's IP address, and of its own kind")
    return _request("POST", _collection(instruction), instruction, payment_body(instruction), _EXPLICIT)


def start_authorisation(instruction: Instruction) -> WireRequest:
    """POST …/{paymentId}/authorisations: from here on the payer can approve. Raises ValueError."""
    return _request("POST", f"{_resource(instruction)}/authorisations", instruction, {})


def enquire(instruction: Instruction) -> WireRequest:
    """GET …/{paymentId}, which echoes the amount, or …/{paymentId}/status. Raises ValueError."""
    only_status = instruction.settings.options.get("enquiry") == "status"
    path = f"{_resource(instruction)}/status" if only_status else _resource(instruction)
    return _bare("GET", path, instruction)


def enquire_authorisation(instruction: Instruction) -> WireRequest:
    """GET …/{paymentId}/authorisations, or of one of them its scaStatus. Raises ValueError."""
    path = f"{_resource(instruction)}/authorisations"
    one = instruction.authorisation_id
    return _bare("GET", path if one is None else f"{path}/{segment(one)}", instruction)


def cancel(instruction: Instruction) -> WireRequest:
    """DELETE …/{paymentId}; should the payer have to approve it, their authorisation is ours to begin.

    Raises ValueError.
    """
    return _bare("DELETE", _resource(instruction), instruction, _EXPLICIT)


def start_cancellation(instruction: Instruction) -> WireRequest:
    """POST …/{paymentId}/cancellation-authorisations: from here on the payer can approve it. Raises ValueError."""
    return _request("POST", f"{_resource(instruction)}/cancellation-authorisations", instruction, {})


def payment_body(instruction: Instruction) -> dict[str, Any]:
    """The JSON of a single payment. Raises ValueError for accounts without an IBAN."""
    return {
        "endToEndIdentification": instruction.end_to_end_id,
        "debtorAccount": _account(instruction.debtor),
        "instructedAmount": amount(instruction.amount),
        "creditorAccount": _account(instruction.creditor.account),
        "creditorName": instruction.creditor.name.reveal(),
        "remittanceInformationUnstructured": instruction.reference.reveal(),
    }


def amount(money: Money) -> dict[str, str]:
    """An amount with exactly its currency's digits: 12.34."""
    return {"currency": money.currency, "amount": f"{money.to_decimal():f}"}


def segment(text: str) -> str:
    """A bank's id as one segment of a path."""
    return quote(text, safe="")


def _account(account: Account | None) -> dict[str, str]:
    if account is None or account.iban is None:
        raise ValueError("this bank knows accounts by IBAN")
    return {"iban": account.iban.reveal()}


def _collection(instruction: Instruction) -> str:
    return f"/v1/payments/{instruction.settings.options.get('payment_product', DEFAULT_PRODUCT)}"


def _resource(instruction: Instruction) -> str:
    if instruction.bank_reference is None:
        raise ValueError("the bank is asked by its own reference only")
    return f"{_collection(instruction)}/{segment(instruction.bank_reference)}"


def _request(
    method: str, path: str, instruction: Instruction, body: dict[str, Any], more: headers.Headers = ()
) -> WireRequest:
    settings = instruction.settings
    asked = (*headers.of_payer(settings, instruction.payer), *headers.of_return(settings, instruction.handshake), *more)
    return WireRequest(
        method=method,
        path=path,
        headers=(*headers.common(with_body=True), *asked),
        body=orjson.dumps(body),
        fresh=headers.fresh(settings),
        signed=True,
    )


def _bare(method: str, path: str, instruction: Instruction, more: headers.Headers = ()) -> WireRequest:
    """A call of our own, without the payer: no PSU header may say otherwise."""
    fresh = headers.fresh(instruction.settings)
    told = (*headers.common(with_body=False), *more)
    return WireRequest(method=method, path=path, headers=told, fresh=fresh, signed=True)
