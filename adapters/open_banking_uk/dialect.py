"""The two versions of the standard that are spoken, and the options of a bank that choose within them.

The versions are never mixed: a consent made in one is used in that one, because a bank's option says which it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PAYMENT_CONTEXTS = (
    "BillingGoodsAndServicesInAdvance",
    "BillingGoodsAndServicesInArrears",
    "EcommerceMerchantInitiatedPayment",
    "FaceToFacePointOfSale",
    "TransferToSelf",
    "TransferToThirdParty",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between the versions in what we send. `contract_present` is misspelt by the older one itself."""

    version: str
    path: str
    contract_present: str
    remittance: Callable[[str], dict[str, Any]]


def _structured(reference: str) -> dict[str, Any]:
    return {"Structured": [{"CreditorReferenceInformation": {"Reference": reference}}]}


def _plain(reference: str) -> dict[str, Any]:
    return {"Reference": reference}


V4 = Dialect(
    version="4.0", path="/open-banking/v4.0", contract_present="ContractPresentIndicator", remittance=_structured
)
V3 = Dialect(
    version="3.1.11", path="/open-banking/v3.1", contract_present="ContractPresentInidicator", remittance=_plain
)
DIALECTS = {each.version: each for each in (V4, V3)}


def dialect_of(options: Mapping[str, str]) -> Dialect:
    """The bank's version; 4.0 where none is set. Raises ValueError for one that is not spoken."""
    version = options.get("version", V4.version)
    if version not in DIALECTS:
        raise ValueError("this version of Open Banking UK is not spoken")
    return DIALECTS[version]
