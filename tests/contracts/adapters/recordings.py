"""The golden files of every adapter: adapters/<name>/recordings/build/<kind>.json and …/parse/<case>.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

import adapters
from adapters.contract import Evidence
from adapters.declaration import OperationKind
from adapters.wire import WireReply, WireRequest


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


def told_request(request: WireRequest) -> dict[str, Any]:
    """A request as it is recorded: its body readable."""
    return {
        "method": request.method,
        "path": request.path,
        "headers": [list(pair) for pair in request.headers],
        "fresh": list(request.fresh),
        "body": request.body.decode(),
    }


def told_evidence(evidence: Evidence) -> dict[str, Any]:
    """Evidence as it is recorded: only what it says."""
    told: dict[str, Any] = {
        name: getattr(evidence, name) for name in Evidence.__dataclass_fields__ if getattr(evidence, name) is not None
    }
    if evidence.amount is not None:
        told["amount"] = {"currency": evidence.amount.currency, "value": evidence.amount.value}
    if evidence.at is not None:
        told["at"] = evidence.at.isoformat()
    return {name: str(value) if isinstance(value, str) else value for name, value in told.items()}


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
