"""Admins see and rotate the keys that sign access tokens."""

from gateway.admin.handlers import actor
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from gateway.oauth.signing.rotation import By
from gateway.schemas.pages import page
from payments.view import rfc3339


async def list_signing_keys(services: AdminServices, call: Call) -> Reply:  # noqa: ARG001 - there are few keys: one page
    """Those that stand in the JWKS."""
    return Reply(await _page(services))


async def rotate_signing_keys(services: AdminServices, call: Call) -> Reply:
    """The usual way ends no token; with `compromised` it ends all of them."""
    who = actor(call)
    by = By(who.name, who.request_id)
    if call.body.compromised:
        await services.signing_keys.replace(by)
    else:
        await services.signing_keys.rotate(by)
    return Reply(await _page(services))


async def _page(services: AdminServices) -> dict[str, object]:
    keys = await services.signing_keys.listed()
    times = ("signs_at", "created_at")
    shown = [{**key, "object": "signing_key", **{name: rfc3339(key[name]) for name in times}} for key in keys]
    return page(shown, None)
