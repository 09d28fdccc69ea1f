"""OAuth clients from the command line: checked, changed and audited as by the admin API, whose members it takes."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from config.keys import open_provider
from config.loading import load_settings
from config.settings import Settings
from gateway.admin.clients.book import ClientBook
from gateway.admin.clients.model import SecretRotation
from gateway.admin.clients.requests import new_client, patch_of
from gateway.admin.clients.view import client_view
from gateway.admin.handlers import either
from gateway.admin.journal import Row
from gateway.http.bodies import validated
from gateway.oauth.scopes import Scope
from gateway.schemas.oauth.clients import ClientChange, ClientIn, SecretRotationIn
from kernel.clock import CorrectedClock
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Kind, Tenant, from_text
from kernel.masked import Secret
from kernel.sealing import Vault
from threadneedle import preparation
from threadneedle.preparation import actor
from threadneedle.registering import known_id
from threadneedle.roles import policies

_LISTS = frozenset({"merchant_ids", "networks"})
_END = "-----END CERTIFICATE-----"


def members_of(pairs: Sequence[str], scopes: Sequence[str]) -> Callable[[], dict[str, Any]]:
    """How `--set NAME=VALUE` and `--scope` become the members of a body. The result raises Invalid."""

    def read() -> dict[str, Any]:
        members = dict(_member(pair) for pair in pairs)
        return {**members, **({"scopes": list(scopes)} if scopes else {})}

    return read


async def create_client(partner: str, environment: str, members: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Register a client; its secret this once. Raises Invalid for what is wrong."""
    body = {"name": "default", "scopes": [str(scope) for scope in Scope], "environment": environment, **members()}
    partner_id = known_id(lambda: from_text(Kind.PARTNER, partner), Kind.PARTNER)
    new = new_client(partner_id, validated(ClientIn, body))
    async with _book() as (book, _):
        row, secret = await book.add(actor(), new)
        return await _shown(book, row, secret)


async def show_client(partner: str, client: str) -> dict[str, Any]:
    """One client."""
    async with _book() as (book, _):
        return await _shown(book, await book.get(*_named(partner, client)))


async def change_client(partner: str, client: str, members: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Change what is given. Raises Invalid for what is wrong."""
    tenant, client_id = _named(partner, client)
    patch = patch_of(validated(ClientChange, dict(members())), tenant.environment)
    async with _book() as (book, _):
        return await _shown(book, await book.change(actor(), tenant, client_id, patch))


async def rotate_secret(
    partner: str, client: str, overlap_seconds: int | None, *, is_oldest_dropped: bool = False
) -> dict[str, Any]:
    """A new secret, shown this once; the present one stays good for the overlap.

    Raises Conflict while an older one is still good, unless that one is dropped.
    """
    asked = validated(SecretRotationIn, {"overlap_seconds": overlap_seconds})
    async with _book() as (book, settings):
        seconds = settings.oauth.secret_overlap_seconds if asked.overlap_seconds is None else asked.overlap_seconds
        rotation = SecretRotation(overlap=timedelta(seconds=seconds), is_oldest_dropped=is_oldest_dropped)
        row, secret = await book.rotate_secret(actor(), *_named(partner, client), rotation)
        return await _shown(book, row, secret)


async def revoke_tokens(partner: str, client: str) -> dict[str, Any]:
    """End every token that the client has now."""
    async with _book() as (book, _):
        return await _shown(book, await book.revoke_tokens(actor(), *_named(partner, client)))


@asynccontextmanager
async def _book() -> AsyncIterator[tuple[ClientBook, Settings]]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, journal):
        clock = CorrectedClock()
        vault = Vault(pool, open_provider(settings.keys, os.environ), clock)
        try:
            yield ClientBook(journal, vault, policies.registration_rules(settings), clock), settings
        except NotFound:
            raise NotFound("There is no such partner, or no such client of that partner.") from None


async def _shown(book: ClientBook, row: Row, secret: Secret | None = None) -> dict[str, Any]:
    (opened,) = await book.opened([row])
    shown = client_view(row, opened)
    return shown if secret is None else {"id": shown["id"], "secret": secret.reveal(), **shown}


def _member(pair: str) -> tuple[str, Any]:
    name, is_pair, value = pair.partition("=")
    if not is_pair:
        raise Invalid([FieldError(pointer="/set", code="format", message="Expected NAME=VALUE.")])
    if name in _READ:
        return name, _READ[name](value)
    return name, [each for each in value.split(",") if each] if name in _LISTS else value


def _key_set(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        message = "Expected the path of a file with a JSON Web Key Set."
        raise Invalid([FieldError(pointer="/jwks", code="format", message=message)]) from None


def _certificates(path: str) -> list[str]:
    """The certificates of a PEM file, one text each; none without a path."""
    if not path:
        return []
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        text = ""
    parts = [f"{part.strip()}\n{_END}\n" for part in text.split(_END)[:-1]]
    if not parts:
        message = "Expected the path of a PEM file with the certificates that may bind tokens, without their issuers'."
        raise Invalid([FieldError(pointer="/token_binding_certificates", code="format", message=message)])
    return parts


_READ: Mapping[str, Callable[[str], Any]] = {"jwks": _key_set, "token_binding_certificates": _certificates}


def _named(partner: str, client: str) -> tuple[Tenant, UUID]:
    environment, client_id = known_id(lambda: either(client, Kind.CLIENT), Kind.CLIENT)
    return Tenant(known_id(lambda: from_text(Kind.PARTNER, partner), Kind.PARTNER), environment), client_id
