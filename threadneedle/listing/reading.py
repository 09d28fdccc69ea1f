"""Partners, clients, merchants, banks and endpoints from the command line, each as the admin API shows it."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from config.keys import open_provider
from config.loading import load_settings
from gateway.admin.banks import BankBook
from gateway.admin.clients.view import client_view
from gateway.admin.handlers import bank_json, merchant_json, partner_json
from gateway.admin.journal import Journal
from gateway.admin.parties import Parties
from gateway.handlers.webhooks.endpoints.views import endpoint_view
from gateway.oauth.clients.credentials import open_rows
from kernel.clock import CorrectedClock
from kernel.errors import NotFound
from kernel.ids import Environment, Kind, Tenant, from_text
from kernel.sealing import Vault
from payments.banks.health import read_health
from threadneedle import preparation
from threadneedle.registering import known_id
from webhooks.endpoints.rows import fetch_endpoints, open_endpoints

Shown = Sequence[dict[str, Any]]


async def partners() -> Shown:
    """Newest first."""
    async with _stores() as stores:
        return [partner_json(row) for row in await stores.parties.partners(None, None)]


async def clients(partner: str) -> Shown:
    """Of both environments, newest first; never a secret."""
    async with _partner(partner) as (stores, partner_id):
        rows = await stores.journal.fetch("list_clients", partner_id, None, None)
        return [client_view(row, each) for row, each in zip(rows, await open_rows(stores.vault, rows), strict=True)]


async def merchants(partner: str) -> Shown:
    """Of both environments, newest first; their names are masked."""
    async with _partner(partner) as (stores, partner_id):
        rows = await stores.parties.merchants(partner_id, None, None)
        names = await stores.parties.names(rows)
        return [merchant_json(row, name) for row, name in zip(rows, names, strict=True)]


async def banks() -> Shown:
    """All of them, each with how it fared in the last minute, over all processes."""
    async with _stores() as stores:
        health = await read_health(stores.pool)
        return [bank_json(row, health) for row in await BankBook(stores.journal, stores.vault, {}).list_all()]


async def endpoints(partner: str) -> Shown:
    """Of both environments, oldest first; never a key."""
    async with _partner(partner) as (stores, partner_id):
        rows = [
            row
            for environment in Environment
            for row in await fetch_endpoints(stores.pool, Tenant(partner_id, environment))
        ]
        return [endpoint_view(endpoint) for endpoint in await open_endpoints(stores.vault, rows)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    """What is read from."""

    pool: preparation.Pool
    journal: Journal
    vault: Vault
    parties: Parties


@asynccontextmanager
async def _stores() -> AsyncIterator[_Stores]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, journal):
        vault = Vault(pool, open_provider(settings.keys, os.environ), CorrectedClock())
        yield _Stores(pool=pool, journal=journal, vault=vault, parties=Parties(journal, vault))


@asynccontextmanager
async def _partner(partner: str) -> AsyncIterator[tuple[_Stores, UUID]]:
    """The stores and a partner that there is. Raises Invalid, NotFound."""
    partner_id = known_id(lambda: from_text(Kind.PARTNER, partner), Kind.PARTNER)
    async with _stores() as stores:
        try:
            await stores.parties.partner(partner_id)
        except NotFound:
            raise NotFound("There is no such partner.") from None
        yield stores, partner_id
