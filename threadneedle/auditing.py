"""The audit log from the command line: verified, exported, and the keys that verify it elsewhere."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, BinaryIO, TypeAlias

import asyncpg
import orjson

from config.keys import open_provider
from config.loading import load_settings
from kernel import signed
from kernel.audit import verifier
from kernel.audit.checking import Finding
from kernel.audit.keys import HeadKey, open_keys
from kernel.audit.links import Mark
from kernel.clock import CorrectedClock
from kernel.errors import FieldError, Invalid
from kernel.sealing import Vault
from threadneedle import preparation

_HASH_BYTES = 32

Opened: TypeAlias = "tuple[asyncpg.Pool[asyncpg.Record], Vault]"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """A verification as it is asked for; empty texts ask for nothing."""

    since: str = ""
    expect: str = ""
    unchained_seconds: float = 300.0


async def verify(order: VerifyOrder) -> dict[str, Any]:
    """What was verified, what was believed without (`not_verified`), and what is wrong.

    Raises Invalid for an order that is none, and for a day since which there is nothing to verify.
    """
    since = _day(order.since)
    if since is not None and since > datetime.now(UTC).date():
        raise _nothing_since()
    query = verifier.VerifyQuery(since=since, expected=_mark(order.expect), unchained_seconds=order.unchained_seconds)
    async with _opened() as (pool, vault):
        report = await verifier.verify(pool, vault, query)
    if since is not None and not report.entries and not report.findings:
        raise _nothing_since()
    return {
        "holds": not report.findings,
        "entries": report.entries,
        "from": _shown(report.start),
        "to": _shown(report.end),
        "not_verified": f"positions 1-{report.start.position}" if report.start.position else None,
        "findings": [_finding(finding) for finding in report.findings],
    }


async def export(out: BinaryIO) -> None:
    """Every entry and every head, a JSON object on a line each."""
    async with _opened() as (pool, _):
        async for line in verifier.export(pool):
            out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


async def public_keys() -> dict[str, Any]:
    """The JWK set (RFC 7517, RFC 8037) of the keys that sign heads."""
    async with _opened() as (pool, vault):
        return {"keys": [_jwk(key) for key in await open_keys(pool, vault)]}


def _jwk(key: HeadKey) -> dict[str, str]:
    public = signed.encode(key.public.public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "kid": key.id, "x": public, "alg": "EdDSA", "use": "sig"}


def _finding(finding: Finding) -> dict[str, Any]:
    named = {"fault": finding.fault.value, "positions": None, "entry_id": finding.entry_id, "day": finding.day}
    if finding.first is not None:
        named["positions"] = str(finding.first) if finding.first == finding.last else f"{finding.first}-{finding.last}"
    return {name: value for name, value in named.items() if value is not None}


def _shown(mark: Mark) -> str:
    return f"{mark.position}:{mark.hash.hex()}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _wrong("since", "a day, YYYY-MM-DD") from None


def _nothing_since() -> Invalid:
    message = "There is no entry as new as that, so nothing would be verified; name an earlier day, or none."
    return Invalid([FieldError(pointer="/since", code="out_of_range", message=message)])


def _mark(text: str) -> Mark | None:
    position, _, digest = text.partition(":")
    try:
        mark = Mark(int(position), bytes.fromhex(digest)) if text else None
    except ValueError:
        mark = Mark()
    if mark is not None and (mark.position < 1 or len(mark.hash) != _HASH_BYTES):
        raise _wrong("expect", "POSITION:HASH, a number and 64 hexadecimal digits")
    return mark


def _wrong(option: str, message: str) -> Invalid:
    error = FieldError(pointer=f"/{option}", code="format", message=message)
    return Invalid([error], f"{option} must be: {message}")


@asynccontextmanager
async def _opened() -> AsyncIterator[Opened]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, _):
        yield pool, Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())
