"""Webhook endpoints: from calls to the webhooks room and back."""

from datetime import timedelta
from typing import Any

from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.endpoints.model import Caller, Endpoint, LiveSecret
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, Rotation
from webhooks.endpoints.testing import TEST_EVENT_TYPE
from webhooks.states import EndpointState


async def create_endpoint(services: Services, call: Call) -> Reply:
    """It hears of every event that is published after this answer."""
    body = call.body
    draft = EndpointDraft(
        url=body.url,
        event_types=tuple(body.event_types),
        merchant_id=call.maybe_id(body.merchant_id, Kind.MERCHANT, "/merchant_id"),
        description=body.description,
        metadata=body.metadata,
        headers=body.headers,
        ordered=body.ordered,
        concurrency=body.concurrency,
        secret=body.secret,
    )
    created = await services.endpoints.create(_caller(call), draft)
    shown = _endpoint(created.endpoint)
    return Reply(
        {**shown, "secret": created.secret.reveal()}, headers={"Location": f"{call.request.path}/{shown['id']}"}
    )


async def list_endpoints(services: Services, call: Call) -> Reply:
    """Oldest first."""
    merchant_id = call.maybe_id(call.query.merchant_id, Kind.MERCHANT, "/merchant_id")
    found = await services.endpoints.list(
        call.caller.tenant, merchant_id=merchant_id, cursor=call.query.cursor, limit=call.query.limit
    )
    return Reply(page([_endpoint(endpoint) for endpoint in found.endpoints], found.next_cursor))


async def get_endpoint(services: Services, call: Call) -> Reply:
    """One endpoint."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(_endpoint(await services.endpoints.get(call.caller.tenant, endpoint_id)))


async def change_endpoint(services: Services, call: Call) -> Reply:
    """What is left out stays."""
    body = call.body
    patch = EndpointPatch(
        url=body.url,
        event_types=body.event_types,
        description=body.description,
        metadata=body.metadata,
        headers=body.headers,
        ordered=body.ordered,
        concurrency=body.concurrency,
        state=None if body.state is None else EndpointState(body.state),
    )
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(_endpoint(await services.endpoints.patch(_caller(call), endpoint_id, patch)))


async def delete_endpoint(services: Services, call: Call) -> Reply:
    """It is gone for its owner; its deliveries stay readable."""
    await services.endpoints.delete(_caller(call), call.path_id("endpoint_id", Kind.ENDPOINT))
    return Reply()


async def reveal_secret(services: Services, call: Call) -> Reply:
    """Seeing it is recorded."""
    secrets = await services.endpoint_secrets.reveal(_caller(call), call.path_id("endpoint_id", Kind.ENDPOINT))
    return Reply(_secrets(secrets))


async def rotate_secret(services: Services, call: Call) -> Reply:
    """Old and new sign side by side until the overlap is over."""
    body = call.body
    overlap = None if body.overlap_seconds is None else timedelta(seconds=body.overlap_seconds)
    rotation = Rotation(secret=body.secret, overlap=overlap, is_oldest_dropped=body.drop_oldest)
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(_secrets(await services.endpoint_secrets.rotate(_caller(call), endpoint_id, rotation)))


async def send_test(services: Services, call: Call) -> Reply:
    """Goes to this endpoint alone, whatever types it listens to."""
    tenant = call.caller.tenant
    event_id = await services.endpoint_tester.send(tenant, call.path_id("endpoint_id", Kind.ENDPOINT))
    identifier = to_text(Kind.EVENT, event_id, tenant.environment)
    return Reply({"id": identifier, "object": "event", "type": TEST_EVENT_TYPE, "repeated": False})


def _caller(call: Call) -> Caller:
    return Caller(tenant=call.caller.tenant, actor=call.caller.owner, request_id=call.request_id)


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    environment, settings = endpoint.tenant.environment, endpoint.settings
    merchant = endpoint.merchant_id
    return {
        "id": to_text(Kind.ENDPOINT, endpoint.id, environment),
        "object": "webhook_endpoint",
        "environment": environment,
        "merchant_id": None if merchant is None else to_text(Kind.MERCHANT, merchant, environment),
        "url": settings.url,
        "event_types": endpoint.event_types,
        "ordered": endpoint.ordered,
        "description": settings.description,
        "header_names": list(settings.headers),
        "metadata": dict(settings.metadata),
        "concurrency": endpoint.concurrency,
        "state": endpoint.state,
        "state_reason": endpoint.state_reason,
        "created_at": rfc3339(endpoint.created_at),
        "updated_at": rfc3339(endpoint.updated_at),
    }


def _secrets(secrets: tuple[LiveSecret, ...]) -> dict[str, Any]:
    return {
        "data": [
            {
                "secret": live.secret.reveal(),
                "created_at": rfc3339(live.created_at),
                "expires_at": None if live.expires_at is None else rfc3339(live.expires_at),
            }
            for live in secrets
        ]
    }
