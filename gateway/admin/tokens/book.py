"""Admin API tokens: who may use the admin port. Each change leaves its audit row."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gateway.admin.journal import Actor, Change, Journal, Row
from gateway.http.call import Admin
from gateway.problems.errors import Unauthenticated
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Kind, to_text
from kernel.masked import Secret

_PREFIX = "tna_"
_LENGTH_MAX = 128


class AdminTokens:
    """Reads and makes admin tokens; the database has their digests only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def create(
        self, actor: Actor, name: str, *, expires_at: datetime | None = None, maker: Admin | None = None
    ) -> tuple[Row, Secret]:
        """A new token, which is shown this once. Raises Invalid for an end that has passed, or after the maker's own.

        `maker` is the token that asks for it, None on the command line: whoever holds the database may make one.
        """
        self._check_end(expires_at, maker)
        identifier, token = self._journal.new_id(), _new_token()
        change = Change(
            query="add_admin_token",
            arguments=(identifier, name, _digest(token.reveal()), expires_at, maker and maker.id),
            action="admin_token.created",
            target=to_text(Kind.ADMIN_TOKEN, identifier),
            detail={"expires_at": None if expires_at is None else expires_at.isoformat()},
        )
        row = await self._journal.change(actor, change)
        if row is None:
            raise NotFound
        return row, token

    async def page(self, before: UUID | None = None, limit: int | None = None) -> Sequence[Row]:
        """Tokens that were ever made, newest first; `before` is the last id of the page before, no limit is all."""
        return await self._journal.fetch("list_admin_tokens", before, limit)

    async def revoke(self, actor: Actor, token_id: UUID) -> Row:
        """End a token: the next request with it is refused. One that was revoked stays so. Raises NotFound."""
        target = to_text(Kind.ADMIN_TOKEN, token_id)
        change = Change(query="revoke_admin_token", arguments=(token_id,), action="admin_token.revoked", target=target)
        row = await self._journal.change(actor, change)
        if row is not None:
            return row
        rows = await self._journal.fetch("get_admin_token", token_id)
        if not rows:
            raise NotFound
        return rows[0]

    async def of_person(self, token_id: UUID) -> frozenset[UUID]:
        """Every token that the same person may hold: all that come from one token of the command line."""
        return frozenset(row["id"] for row in await self._journal.fetch("list_tokens_of_person", token_id))

    async def authenticate(self, authorization: str | None) -> Admin:
        """Raises Unauthenticated. Looking up by digest tells nothing about the token by its time."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(_PREFIX) or len(token) > _LENGTH_MAX:
            raise Unauthenticated("Send an admin API token: Authorization: Bearer …")
        rows = await self._journal.fetch("find_admin_token", _digest(token), self._journal.now())
        if not rows:
            raise Unauthenticated("The admin API token is not known, was revoked or has expired.")
        token_id = rows[0]["id"]
        return Admin(id=token_id, name=to_text(Kind.ADMIN_TOKEN, token_id), expires_at=rows[0]["expires_at"])

    def _check_end(self, expires_at: datetime | None, maker: Admin | None) -> None:
        """Nobody prolongs his own token by making another."""
        if expires_at is not None and expires_at <= self._journal.now():
            raise _wrong_end("in_past", "must lie in the future")
        latest = None if maker is None else maker.expires_at
        if latest is not None and (expires_at is None or expires_at > latest):
            raise _wrong_end("too_late", "must be given, and not lie after the end of your own token")


def _wrong_end(code: str, message: str) -> Invalid:
    return Invalid([FieldError(pointer="/expires_at", code=code, message=message)])


def _new_token() -> Secret:
    return Secret(_PREFIX + urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
