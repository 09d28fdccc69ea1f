"""Admins make, see and end admin tokens."""

from datetime import datetime
from typing import Any

from gateway.admin.handlers import actor, before, page_of
from gateway.admin.journal import Row
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from gateway.problems.errors import Unauthenticated
from kernel.ids import Environment, Kind, to_text
from payments.view import rfc3339


async def create_admin_token(services: AdminServices, call: Call) -> Reply:
    """The token is in this answer and nowhere else."""
    if call.admin is None:
        raise Unauthenticated
    row, token = await services.tokens.create(
        actor(call), call.body.name, expires_at=call.body.expires_at, maker=call.admin
    )
    return Reply({**token_json(row, services.journal.now()), "token": token.reveal()})


async def list_admin_tokens(services: AdminServices, call: Call) -> Reply:
    """Newest first, also those that ended."""
    rows = await services.tokens.page(before(call, Kind.ADMIN_TOKEN), call.query.limit)
    return page_of(call, [token_json(row, services.journal.now()) for row in rows])


async def revoke_admin_token(services: AdminServices, call: Call) -> Reply:
    """Refused from the next request on; that may be the caller's own."""
    token_id = call.path_id("admin_token_id", Kind.ADMIN_TOKEN, Environment.LIVE)
    return Reply(token_json(await services.tokens.revoke(actor(call), token_id), services.journal.now()))


def token_json(row: Row, now: datetime) -> dict[str, Any]:
    """A token as it is shown."""
    answers_to, times = row["answers_to"], ("created_at", "expires_at", "revoked_at")
    return {
        "id": to_text(Kind.ADMIN_TOKEN, row["id"]),
        "object": "admin_token",
        "name": row["name"],
        "state": _state(row, now),
        "answers_to": None if answers_to is None else to_text(Kind.ADMIN_TOKEN, answers_to),
        **{name: None if row[name] is None else rfc3339(row[name]) for name in times},
    }


def _state(row: Row, now: datetime) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= now else "good"
