"""Endpoints' keys: shown, replaced, and published as far as they are public."""

from datetime import timedelta

from gateway.handlers.webhooks.endpoints.views import caller_of, keys_view
from gateway.http.call import Call, Reply
from gateway.services import Services
from kernel.ids import Environment, Kind, Tenant
from webhooks.endpoints.requests import Rotation
from webhooks.states import SignatureScheme

# A new key is among them as soon as it signs; who sees a signature of none of these reads them again.
_CACHED = {"Cache-Control": "public, max-age=300"}
_TEST_PREFIX = f"{Kind.ENDPOINT}_{Environment.TEST}_"


async def reveal_secret(services: Services, call: Call) -> Reply:
    """Seeing it is recorded."""
    keys = await services.endpoint_secrets.reveal(caller_of(call), call.path_id("endpoint_id", Kind.ENDPOINT))
    return Reply(keys_view(keys, call))


async def rotate_secret(services: Services, call: Call) -> Reply:
    """Old and new sign side by side until the overlap is over."""
    body = call.body
    rotation = Rotation(
        scheme=SignatureScheme(body.scheme),
        secret=body.secret,
        overlap=None if body.overlap_seconds is None else timedelta(seconds=body.overlap_seconds),
        is_oldest_dropped=body.drop_oldest,
    )
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(keys_view(await services.endpoint_secrets.rotate(caller_of(call), endpoint_id, rotation), call))


async def publish_keys(services: Services, call: Call) -> Reply:
    """Anybody may read them: verifying needs no secret."""
    is_test = call.path_text("endpoint_id").startswith(_TEST_PREFIX)
    environment = Environment.TEST if is_test else Environment.LIVE
    tenant = Tenant(call.path_id("partner_id", Kind.PARTNER, Environment.LIVE), environment)
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT, environment)
    return Reply(await services.published_keys.key_set(tenant, endpoint_id), headers=_CACHED)
