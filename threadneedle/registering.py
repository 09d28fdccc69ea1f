"""Partners, clients, admin tokens and keys from the command line; changes are audited as the admin API's are."""

import getpass
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from config.keys import open_provider
from config.loading import load_settings
from gateway.admin.journal import Actor, Journal
from gateway.admin.limits.changes import LimitChanges
from gateway.admin.parties import NewClient, Parties
from gateway.oauth.scopes import Scope
from kernel.clock import CorrectedClock
from kernel.errors import FieldError, Invalid
from kernel.ids import Environment, Kind, from_text, to_text
from kernel.sealing import Vault
from threadneedle import preparation
from threadneedle.roles import policies

_NAME_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOrder:
    """A client as it is asked for; without scopes it gets all of them."""

    partner: str
    name: str
    environment: str
    scopes: tuple[str, ...]


async def create_partner(name: str, tier: str) -> dict[str, Any]:
    """Register a partner; its id. Raises Invalid for a name or a tier that is none."""
    settings = load_settings(required=("database.url",))
    async with _parties() as (parties, journal):
        tiers = await LimitChanges(journal, policies.limit_policy(settings.limits)).tiers()
        _refuse(_name_errors(name) + _one_of("/tier", tier, [known.name for known in tiers]))
        row = await parties.add_partner(_actor(), name, tier)
    return {"id": to_text(Kind.PARTNER, row["id"]), "name": name, "tier": tier}


async def create_client(order: ClientOrder) -> dict[str, Any]:
    """Register a client; its id, and its secret this once. Raises Invalid for an environment or scope that is none."""
    _check(order)
    environment = Environment(order.environment)
    new = NewClient(
        partner_id=from_text(Kind.PARTNER, order.partner),
        environment=environment,
        name=order.name,
        scopes=order.scopes or tuple(Scope),
    )
    async with _parties() as (parties, _):
        row, secret = await parties.add_client(_actor(), new)
    return {
        "id": to_text(Kind.CLIENT, row["id"], environment),
        "secret": secret.reveal(),
        "scopes": [str(scope) for scope in new.scopes],
    }


async def create_admin_token(name: str) -> dict[str, Any]:
    """Make an admin API token; shown this once."""
    settings = load_settings(required=("database.url",))
    return {"name": name, "token": await preparation.create_admin_token(settings, name)}


async def rewrap_keys() -> dict[str, Any]:
    """Wrap every data key by the current key-encryption key; how many were wrapped by another one."""
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, _):
        vault = Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())
        return {"rewrapped": await vault.rewrap()}


def _check(order: ClientOrder) -> None:
    errors = _name_errors(order.name) + _one_of("/environment", order.environment, list(Environment))
    for scope in order.scopes:
        errors += _one_of("/scope", scope, list(Scope))
    _refuse(errors)


def _name_errors(name: str) -> list[FieldError]:
    """The admin API's rule for names."""
    if name.strip() and name.isprintable() and len(name) <= _NAME_LENGTH_MAX:
        return []
    return [FieldError(pointer="/name", code="format", message=f"1 to {_NAME_LENGTH_MAX} printable characters")]


def _one_of(pointer: str, value: str, known: Iterable[str]) -> list[FieldError]:
    names = [str(each) for each in known]
    return [] if value in names else [FieldError(pointer=pointer, code="unknown_value", message=", ".join(names))]


def _refuse(errors: list[FieldError]) -> None:
    """Raises Invalid if there are any; its words name each field and what would be right."""
    if errors:
        raise Invalid(errors, "; ".join(f"{error.pointer[1:]} must be: {error.message}" for error in errors))


@asynccontextmanager
async def _parties() -> AsyncIterator[tuple[Parties, Journal]]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, journal):
        yield Parties(journal, Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())), journal


def _actor() -> Actor:
    """Who sits at this machine; the audit log says so."""
    return Actor(name=f"command line: {getpass.getuser()}", request_id=token_hex(12))
