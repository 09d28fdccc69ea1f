"""Admin API tokens: who may use the admin port."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from uuid import UUID

from gateway.admin.journal import Actor, Change, Journal, Row
from gateway.http.call import Admin
from gateway.problems.errors import Unauthenticated
from kernel.errors import NotFound
from kernel.ids import Kind, to_text
from kernel.masked import Secret

_PREFIX = "tna_"
_LENGTH_MAX = 128


class AdminTokens:
    """Reads and makes admin tokens; the database has their digests only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def create(self, name: str) -> Secret:
        """A new token, which is shown this once. For the command line: whoever holds the database may make one."""
        random = urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        token = Secret(_PREFIX + random)
        await self._journal.execute("add_admin_token", self._journal.new_id(), name, _digest(token.reveal()))
        return token

    async def all(self) -> Sequence[Row]:
        """Every token that was made, newest first, with when it was revoked."""
        return await self._journal.fetch("list_admin_tokens")

    async def revoke(self, actor: Actor, token_id: UUID) -> Row:
        """End a token: the next request with it is refused. Raises NotFound for one that is none, or none any more."""
        target = to_text(Kind.ADMIN_TOKEN, token_id)
        change = Change(query="revoke_admin_token", arguments=(token_id,), action="admin_token.revoked", target=target)
        row = await self._journal.change(actor, change)
        if row is None:
            raise NotFound
        return row

    async def authenticate(self, authorization: str | None) -> Admin:
        """Raises Unauthenticated. Looking up by digest tells nothing about the token by its time."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(_PREFIX) or len(token) > _LENGTH_MAX:
            raise Unauthenticated("Send an admin API token: Authorization: Bearer …")
        rows = await self._journal.fetch("find_admin_token", _digest(token))
        if not rows:
            raise Unauthenticated("The admin API token is not known or was revoked.")
        return Admin(id=rows[0]["id"], name=to_text(Kind.ADMIN_TOKEN, rows[0]["id"]))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
