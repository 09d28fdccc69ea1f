"""The golden files of every adapter: adapters/<name>/recordings/build/<kind>.json and …/parse/<case>.json."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

import adapters
from adapters.contract import Account, Adapter, Authorisation, BankSettings, Evidence, Grant, Instruction
from adapters.declaration import OperationKind
from adapters.registry import load
from adapters.wire import WireReply, WireRequest
from kernel.masked import Secret
from tests.support import banks


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One answer of the bank and what it must be read as."""

    case: str
    kind: OperationKind
    status: int
    headers: dict[str, str]
    body: bytes
    evidence: dict[str, Any]

    def reply(self) -> WireReply:
        return WireReply(status=self.status, headers=self.headers, body=self.body)


def folder(name: str) -> Path:
    """The adapter's own folder."""
    return Path(adapters.__path__[0]) / name


def builds(name: str) -> dict[OperationKind, dict[str, Any]]:
    """The recorded requests by kind."""
    files = sorted((folder(name) / "recordings/build").glob("*.json"))
    return {OperationKind(file.stem): orjson.loads(file.read_bytes()) for file in files}


def parses(name: str) -> list[Recorded]:
    """The recorded answers."""
    return [_recorded(file) for file in sorted((folder(name) / "recordings/parse").glob("*.json"))]


def recorded_instruction(name: str, wanted: dict[str, Any]) -> Instruction:
    """The payment that a recorded request is built of: the standard one, with the ids and options that it names."""
    options = wanted.pop("options", {})
    settings = BankSettings(base_url="http://127.0.0.1:1", options=options)
    standard = banks.fitting(adapter_of(name).declaration, settings)
    code = wanted.pop("code", None)
    if code is not None and standard.handshake is not None:
        standard = replace(standard, handshake=replace(standard.handshake, code=Secret(code)))
    reference, consent_id = wanted.pop("bank_reference", None), wanted.pop("consent_id", None)
    return replace(standard, bank_reference=reference, consent_id=consent_id)


def told_request(request: WireRequest) -> dict[str, Any]:
    """A request as it is recorded: its body readable, and of the rest what is not as with most requests."""
    told: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "headers": [list(pair) for pair in request.headers],
        "fresh": list(request.fresh),
        "body": request.body.decode(),
    }
    usual = WireRequest(method="GET", path="/")
    unusual = ("host", "credential", "scope", "signed", "signed_answer")
    return told | {each: getattr(request, each) for each in unusual if getattr(request, each) != getattr(usual, each)}


def adapter_of(name: str) -> Adapter:
    """The adapter of a folder."""
    return load(f"adapters.{name}")


def told_evidence(evidence: Evidence) -> dict[str, Any]:
    """Evidence as it is recorded: only what it says."""
    told: dict[str, Any] = {
        name: getattr(evidence, name) for name in Evidence.__dataclass_fields__ if getattr(evidence, name) is not None
    }
    if evidence.authorisation is not None:
        told["authorisation"] = _told_authorisation(evidence.authorisation)
    if evidence.grant is not None:
        told["grant"] = _told_grant(evidence.grant)
    if evidence.refund_account is not None:
        told["refund_account"] = _told_account(evidence.refund_account)
    if evidence.amount is not None:
        told["amount"] = {"currency": evidence.amount.currency, "value": evidence.amount.value}
    if evidence.at is not None:
        told["at"] = evidence.at.isoformat()
    if evidence.authorisation_ids is not None:
        told["authorisation_ids"] = list(evidence.authorisation_ids)
    return {name: str(value) if isinstance(value, str) else value for name, value in told.items()}


def _told_authorisation(authorisation: Authorisation) -> dict[str, Any]:
    told = {"method": str(authorisation.method), "url": authorisation.url.reveal() if authorisation.url else None}
    expires_at = authorisation.expires_at.isoformat() if authorisation.expires_at else None
    return _said({**told, "expires_at": expires_at})


def _told_grant(grant: Grant) -> dict[str, Any]:
    refresh = grant.refresh_token.reveal() if grant.refresh_token else None
    access = grant.access_token.reveal()
    return _said({"access_token": access, "lifetime_seconds": grant.lifetime_seconds, "refresh_token": refresh})


def _told_account(account: Account) -> dict[str, Any]:
    numbers = {name: getattr(account, name) for name in ("iban", "account_number")}
    shown = {name: number.reveal() for name, number in numbers.items() if number is not None}
    return _said({"sort_code": account.sort_code, "routing_number": account.routing_number, **shown})


def _said(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _recorded(file: Path) -> Recorded:
    raw = orjson.loads(file.read_bytes())
    body = raw["body"] if isinstance(raw["body"], str) else orjson.dumps(raw["body"]).decode()
    return Recorded(
        case=file.stem,
        kind=OperationKind(raw["kind"]),
        status=raw["status"],
        headers=raw.get("headers", {}),
        body=body.encode(),
        evidence=raw["evidence"],
    )
