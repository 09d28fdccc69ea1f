"""Partners, admin tokens and keys from the command line; changes are audited as the admin API's are."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from config.keys import open_provider
from config.loading import load_settings
from gateway.admin.journal import Journal, Row
from gateway.admin.limits.changes import LimitChanges
from gateway.admin.parties import Parties
from gateway.admin.tokens.book import AdminTokens
from kernel.audit import AuditEntry, record
from kernel.clock import CorrectedClock
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import NIL, Environment, Kind, from_text, new_id, to_text
from kernel.sealing import Vault
from kernel.sealing.rotation import rotation
from payments.view import rfc3339
from threadneedle import preparation
from threadneedle.preparation import actor
from threadneedle.roles import policies

INSTALLATION = "installation"
_NAME_LENGTH_MAX = 100
_Value = TypeVar("_Value")


async def create_partner(name: str, tier: str) -> dict[str, Any]:
    """Register a partner; its id. Raises Invalid for a name or a tier that is none."""
    settings = load_settings(required=("database.url",))
    async with _parties() as (parties, journal):
        tiers = await LimitChanges(journal, policies.limit_policy(settings.limits)).tiers()
        _refuse(_name_errors(name) + _one_of("/tier", tier, [known.name for known in tiers]))
        row = await parties.add_partner(actor(), name, tier)
    return {"id": to_text(Kind.PARTNER, row["id"]), "name": name, "tier": tier}


async def create_admin_token(name: str, days: int | None) -> dict[str, Any]:
    """Make an admin API token, good for so many days or until it is revoked; shown this once. Raises Invalid."""
    _refuse(_name_errors(name))
    settings, good_for = load_settings(required=("database.url",)), None if days is None else timedelta(days=days)
    identifier, token = await preparation.create_admin_token(settings, name, good_for)
    return {"id": to_text(Kind.ADMIN_TOKEN, identifier), "name": name, "token": token}


async def list_admin_tokens() -> dict[str, Any]:
    """By its id what each admin token was named, when it was made, and whether it is good."""
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (_, journal):
        return {to_text(Kind.ADMIN_TOKEN, row["id"]): _token_line(row) for row in await AdminTokens(journal).page()}


async def revoke_admin_token(token: str) -> dict[str, Any]:
    """End an admin token by its id, from the next request on. Raises NotFound for one that is none."""
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (_, journal):
        row = await AdminTokens(journal).revoke(actor(), from_text(Kind.ADMIN_TOKEN, token))
    return {token: _token_line(row)}


def _token_line(row: Row) -> str:
    times = {"made": row["created_at"], "expires": row["expires_at"], "revoked": row["revoked_at"]}
    return ", ".join([row["name"], *(f"{what} {rfc3339(at)}" for what, at in times.items() if at is not None)])


async def rewrap_keys() -> dict[str, Any]:
    """Wrap every data key by the current key-encryption key; how many were wrapped by another one."""
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, _):
        vault = Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())
        return {"rewrapped": await vault.rewrap()}


async def rotate_keys(partner: str, merchant: str | None) -> dict[str, Any]:
    """New data keys for a partner with all its merchants, for one merchant, or for the installation.

    What the old ones sealed is sealed anew by the workers. Raises NotFound for a partner or merchant that is none, and
    Conflict while an earlier rotation of the partner runs.
    """
    partner_id = NIL if partner == INSTALLATION else known_id(lambda: from_text(Kind.PARTNER, partner), Kind.PARTNER)
    merchant_id = None if merchant is None else known_id(lambda: _merchant_id(merchant), Kind.MERCHANT)
    settings, clock = load_settings(required=("database.url",)), CorrectedClock()
    entry = AuditEntry(
        id=new_id(clock.now()),
        partner_id=None if partner_id == NIL else partner_id,
        actor=actor().name,
        action="keys.rotated",
        target=partner if merchant is None else merchant,
        request_id=actor().request_id,
    )
    async with preparation.open_journal(settings) as (pool, _):
        vault = Vault(pool, open_provider(settings.keys, os.environ), clock)
        async with pool.acquire() as connection, connection.transaction():
            owners = await rotation.begin(connection, vault, clock, partner_id, merchant_id)
            if not owners:
                raise NotFound("Nothing of that partner or merchant is sealed.")
            await record(connection, entry)
    return {"owners": owners}


async def running_rotations() -> dict[str, Any]:
    """The rotations of data keys under way and how far each has come."""
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, _):
        return {"running": [_rotation(dict(row)) for row in await rotation.running(pool)]}


def _rotation(row: Mapping[str, Any]) -> dict[str, Any]:
    is_ours = row["partner_id"] == NIL
    return {
        "partner": INSTALLATION if is_ours else to_text(Kind.PARTNER, row["partner_id"]),
        "begun_at": row["begun_at"].isoformat(),
        "walk": row["pass"],
        "at": row["column_name"] or "rest",
        "found": row["found"],
        "resealed": row["resealed"],
    }


def _merchant_id(text: str) -> UUID:
    environment = Environment.TEST if text.startswith(f"{Kind.MERCHANT}_test_") else Environment.LIVE
    return from_text(Kind.MERCHANT, text, environment)


def known_id(read: Callable[[], _Value], kind: Kind) -> _Value:
    """What is read of an id. Raises Invalid, which names the argument, for one that is none."""
    try:
        return read()
    except NotFound:
        message = f"Expected a whole id, which begins with {kind}_ and has 26 letters and digits at its end."
        raise Invalid([FieldError(pointer=f"/{kind.name.lower()}", code="unknown_id", message=message)]) from None


def _name_errors(name: str) -> list[FieldError]:
    """The admin API's rule for names."""
    if name.strip() and name.isprintable() and len(name) <= _NAME_LENGTH_MAX:
        return []
    return [
        FieldError(pointer="/name", code="format", message=f"Expected 1 to {_NAME_LENGTH_MAX} printable characters.")
    ]


def _one_of(pointer: str, value: str, known: Iterable[str]) -> list[FieldError]:
    names = [str(each) for each in known]
    return (
        []
        if value in names
        else [FieldError(pointer=pointer, code="unknown_value", message=f"Expected one of: {', '.join(names)}.")]
    )


def _refuse(errors: list[FieldError]) -> None:
    """Raises Invalid if there are any."""
    if errors:
        raise Invalid(errors)


@asynccontextmanager
async def _parties() -> AsyncIterator[tuple[Parties, Journal]]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, journal):
        yield Parties(journal, Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())), journal
