"""What the bank takes as a consent and as a payment, checked as a bank checks it: independently of our own mapping.

Of the standard's optional fields it knows those that a domestic payment of one payer to one payee needs.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema_rs
import orjson

from adapters.open_banking_uk.simulator.answers import V3, V4, Refused
from kernel.money import Money

_CODE_OF_KEYWORD = {"required": "U004", "additionalProperties": "U005"}


def _object(required: str, optional: str = "", **fields: dict[str, Any]) -> dict[str, Any]:
    known = set(required.split()) | set(optional.split())
    assert known == set(fields)  # noqa: S101 - a slip in this file
    return {
        "type": "object",
        "required": required.split(),
        "properties": fields,
        "additionalProperties": False,
    }


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _word(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


_AMOUNT = _object(
    "Amount Currency",
    Amount={"type": "string", "pattern": r"^\d{1,13}$|^\d{1,13}\.\d{1,5}$"},
    Currency={"type": "string", "pattern": "^[A-Z]{3}$"},
)
_SCHEMES = {
    "anyOf": [
        {
            "properties": {
                "SchemeName": {"const": "UK.OBIE.SortCodeAccountNumber"},
                "Identification": {"pattern": "^[0-9]{14}$"},
            }
        },
        {
            "properties": {
                "SchemeName": {"const": "UK.OBIE.IBAN"},
                "Identification": {"pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"},
            }
        },
    ]
}


def _account(required: str, optional: str) -> dict[str, Any]:
    fields = {"SchemeName": _text(40), "Identification": _text(256), "Name": _text(350)}
    return {
        **_object(required, f"{optional} SecondaryIdentification".strip(), SecondaryIdentification=_text(34), **fields),
        **_SCHEMES,
    }


_CREDITOR_REFERENCE = _object("", "Reference Issuer", Reference=_text(35), Issuer=_text(35))
_REMITTANCE = {
    V4: _object(
        "",
        "Structured Unstructured",
        Structured={
            "type": "array",
            "items": _object("", "CreditorReferenceInformation", CreditorReferenceInformation=_CREDITOR_REFERENCE),
        },
        Unstructured={"type": "array", "items": _text(140)},
    ),
    V3: _object("", "Reference Unstructured", Reference=_text(35), Unstructured=_text(140)),
}
_CONTRACT = {V4: "ContractPresentIndicator", V3: "ContractPresentInidicator"}


def _initiation(version: str, *, scheduled: bool) -> dict[str, Any]:
    time = {"RequestedExecutionDateTime": {"type": "string", "format": "date-time"}} if scheduled else {}
    return _object(
        f"InstructionIdentification EndToEndIdentification InstructedAmount CreditorAccount {' '.join(time)}",
        "LocalInstrument DebtorAccount RemittanceInformation",
        **time,
        InstructionIdentification=_text(35),
        EndToEndIdentification=_text(35),
        InstructedAmount=_AMOUNT,
        CreditorAccount=_account("SchemeName Identification Name", ""),
        DebtorAccount=_account("SchemeName Identification", "Name"),
        LocalInstrument=_text(50),
        RemittanceInformation=_REMITTANCE[version],
    )


def _risk(version: str) -> dict[str, Any]:
    flag = _CONTRACT[version]
    contexts = _word(
        "BillingGoodsAndServicesInAdvance",
        "BillingGoodsAndServicesInArrears",
        "EcommerceMerchantInitiatedPayment",
        "FaceToFacePointOfSale",
        "TransferToSelf",
        "TransferToThirdParty",
    )
    category = {"type": "string", "minLength": 3, "maxLength": 4}
    return _object(
        "",
        f"PaymentContextCode MerchantCategoryCode {flag}",
        PaymentContextCode=contexts,
        MerchantCategoryCode=category,
        **{flag: {"type": "boolean"}},
    )


def _consent(version: str, *, scheduled: bool) -> dict[str, Any]:
    permission = {"Permission": _word("Create")} if scheduled else {}
    data = _object(
        f"Initiation {' '.join(permission)}",
        "ReadRefundAccount",
        Initiation=_initiation(version, scheduled=scheduled),
        ReadRefundAccount=_word("Yes", "No"),
        **permission,
    )
    return _object("Data Risk", Data=data, Risk=_risk(version))


def _payment(version: str, *, scheduled: bool) -> dict[str, Any]:
    initiation = _initiation(version, scheduled=scheduled)
    data = _object("ConsentId Initiation", ConsentId=_text(128), Initiation=initiation)
    return _object("Data Risk", Data=data, Risk=_risk(version))


_KINDS = [(version, scheduled) for version in (V4, V3) for scheduled in (False, True)]
_CONSENTS = {(v, s): jsonschema_rs.validator_for(_consent(v, scheduled=s), validate_formats=True) for v, s in _KINDS}
_PAYMENTS = {(v, s): jsonschema_rs.validator_for(_payment(v, scheduled=s), validate_formats=True) for v, s in _KINDS}


def read_consent(version: str, body: bytes, *, scheduled: bool) -> dict[str, Any]:
    """The request for a consent. Raises Refused; for a time that is over as well."""
    request = _read(_CONSENTS[version, scheduled], body)
    if scheduled and execution_time(request) <= datetime.now(UTC):
        raise Refused(400, "U003", "Data.Initiation.RequestedExecutionDateTime")
    return request


def read_payment(version: str, body: bytes, *, scheduled: bool) -> dict[str, Any]:
    """The request for a payment. Raises Refused."""
    return _read(_PAYMENTS[version, scheduled], body)


def execution_time(request: dict[str, Any]) -> datetime:
    """When a scheduled payment is to be executed."""
    return datetime.fromisoformat(request["Data"]["Initiation"]["RequestedExecutionDateTime"])


def amount_of(request: dict[str, Any]) -> Money:
    """The instructed amount. Raises Refused for a currency that is none, or too many digits."""
    told = request["Data"]["Initiation"]["InstructedAmount"]
    try:
        amount = Money.from_decimal(told["Currency"], Decimal(told["Amount"]))
    except ValueError:
        raise Refused(400, "U002", "Data.Initiation.InstructedAmount") from None
    if amount.value == 0:
        raise Refused(400, "U002", "Data.Initiation.InstructedAmount.Amount")
    return amount


def _read(validator: Any, body: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "U010") from None
    for error in validator.iter_errors(request):
        keyword = error.kind.name
        path = ".".join(str(part) for part in error.instance_path) or None
        raise Refused(400, _CODE_OF_KEYWORD.get(keyword, "U002"), path)
    return dict(request)
