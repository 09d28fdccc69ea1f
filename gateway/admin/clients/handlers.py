"""OAuth clients on the admin port: from calls to changes, from rows to answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from gateway.admin.clients.model import SecretRotation
from gateway.admin.clients.requests import new_client, patch_of
from gateway.admin.clients.view import client_view
from gateway.admin.handlers import actor, before, either, page_of, partner_id_of
from gateway.admin.journal import Row
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from kernel.ids import Activity, Kind, Tenant


async def create_client(services: AdminServices, call: Call) -> Reply:
    """The answer is the only place where the secret is ever seen."""
    new = new_client(partner_id_of(call), call.body)
    row, secret = await services.clients.add(actor(call), new)
    (shown,) = await _shown(services, [row])
    return Reply({**shown, "secret": None if secret is None else secret.reveal()})


async def list_clients(services: AdminServices, call: Call) -> Reply:
    """Newest first."""
    rows = await services.clients.page(partner_id_of(call), before(call, Kind.CLIENT), call.query.limit)
    return page_of(call, await _shown(services, rows))


async def get_client(services: AdminServices, call: Call) -> Reply:
    """One client."""
    return await _one(services, await services.clients.get(*_named(call)))


async def change_client(services: AdminServices, call: Call) -> Reply:
    """In force everywhere within a second, for tokens that are out as well; another method or binding ends them."""
    tenant, client_id = _named(call)
    patch = patch_of(call.body, tenant.environment)
    return await _one(services, await services.clients.change(actor(call), tenant, client_id, patch))


async def rotate_secret(services: AdminServices, call: Call) -> Reply:
    """The present secret stays good for the overlap, so that nothing breaks while the new one is brought out."""
    asked = call.body.overlap_seconds
    overlap = services.secret_overlap if asked is None else timedelta(seconds=asked)
    rotation = SecretRotation(overlap=overlap, is_oldest_dropped=call.body.drop_oldest)
    row, secret = await services.clients.rotate_secret(actor(call), *_named(call), rotation)
    (shown,) = await _shown(services, [row])
    return Reply({**shown, "secret": secret.reveal()})


async def revoke_tokens(services: AdminServices, call: Call) -> Reply:
    """Tokens that are out end within a second; those that the client gets from now on are good."""
    return await _one(services, await services.clients.revoke_tokens(actor(call), *_named(call)))


async def suspend_client(services: AdminServices, call: Call) -> Reply:
    """Its tokens stop working within a second, and do not come back."""
    return await _one(services, await services.clients.set_state(actor(call), *_named(call), Activity.SUSPENDED))


async def resume_client(services: AdminServices, call: Call) -> Reply:
    """Serve it again; it gets new tokens."""
    return await _one(services, await services.clients.set_state(actor(call), *_named(call), Activity.ACTIVE))


async def _one(services: AdminServices, row: Row) -> Reply:
    (shown,) = await _shown(services, [row])
    return Reply(shown)


async def _shown(services: AdminServices, rows: Sequence[Row]) -> list[dict[str, Any]]:
    opened = await services.clients.opened(rows)
    return [client_view(row, each) for row, each in zip(rows, opened, strict=True)]


def _named(call: Call) -> tuple[Tenant, UUID]:
    environment, client_id = either(call.path_text("client_id"), Kind.CLIENT)
    return Tenant(partner_id_of(call), environment), client_id
