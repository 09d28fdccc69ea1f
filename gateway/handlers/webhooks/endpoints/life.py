"""Making, reading, changing, pausing and deleting endpoints."""

import math
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from gateway.handlers.webhooks.endpoints.views import caller_of, changed_view, created_view, endpoint_view
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.schemas.webhooks.endpoints.bodies import CertificateIn, RateIn
from gateway.services import Services
from kernel.errors import Invalid
from kernel.ids import Kind
from webhooks.endpoints.model import Rate
from webhooks.endpoints.requests import CertificateRequest, EndpointDraft, EndpointPatch
from webhooks.states import EndpointState, PayloadForm, SignatureScheme


async def create_endpoint(services: Services, call: Call) -> Reply:
    """It hears of every event that is published after this answer."""
    fields = _fields(call)
    fields["merchant_id"] = call.maybe_id(call.body.merchant_id, Kind.MERCHANT, "/merchant_id")
    created = await services.endpoints.create(caller_of(call), EndpointDraft(**fields))
    shown = created_view(created)
    return Reply(shown, headers={"Location": f"{call.request.path}/{shown['id']}"})


async def list_endpoints(services: Services, call: Call) -> Reply:
    """Oldest first."""
    merchant_id = call.maybe_id(call.query.merchant_id, Kind.MERCHANT, "/merchant_id")
    found = await services.endpoints.list(
        call.caller.tenant, merchant_id=merchant_id, cursor=call.query.cursor, limit=call.query.limit
    )
    return Reply(page([endpoint_view(endpoint) for endpoint in found.endpoints], found.next_cursor))


async def get_endpoint(services: Services, call: Call) -> Reply:
    """One endpoint."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(endpoint_view(await services.endpoints.get(call.caller.tenant, endpoint_id)))


async def change_endpoint(services: Services, call: Call) -> Reply:
    """What is left out stays."""
    patch = EndpointPatch(**_fields(call))
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(changed_view(await services.endpoints.patch(caller_of(call), endpoint_id, patch)))


async def pause_endpoint(services: Services, call: Call) -> Reply:
    """What is matched meanwhile waits."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(endpoint_view(await services.endpoints.pause(caller_of(call), endpoint_id)))


async def resume_endpoint(services: Services, call: Call) -> Reply:
    """What waits is sent."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(endpoint_view(await services.endpoints.resume(caller_of(call), endpoint_id)))


async def delete_endpoint(services: Services, call: Call) -> Reply:
    """It is gone for its owner; its deliveries stay readable."""
    await services.endpoints.delete(caller_of(call), call.path_id("endpoint_id", Kind.ENDPOINT))
    return Reply()


def _fields(call: Call) -> dict[str, Any]:
    """The members that the body has, in the webhooks room's words."""
    body = call.body
    fields = {name: getattr(body, name) for name in body.model_fields_set}
    if "merchant_ids" in fields:
        fields["merchant_ids"] = _merchant_ids(call, fields["merchant_ids"])
    if "ownership" in fields:
        fields["is_challenged"] = fields.pop("ownership") == "challenge"
    for name, convert in _CONVERSIONS.items():
        if fields.get(name) is not None:
            fields[name] = convert(fields[name])
    return fields


def _merchant_ids(call: Call, texts: list[str]) -> tuple[UUID, ...]:
    """Raises Invalid with every text that is no merchant's id."""
    found, errors = [], []
    for number, text in enumerate(texts):
        try:
            found.append(call.sent_id(text, Kind.MERCHANT, f"/merchant_ids/{number}"))
        except Invalid as refused:
            errors += refused.errors
    if errors:
        raise Invalid(errors)
    return tuple(found)


def _schemes(names: list[str]) -> tuple[SignatureScheme, ...]:
    return tuple(SignatureScheme(name) for name in names)


def _rate(rate: RateIn) -> Rate:
    """Without a burst, one second's worth."""
    usual = max(1, math.ceil(rate.per_second)) if math.isfinite(rate.per_second) else 1
    return Rate(per_second=rate.per_second, burst=usual if rate.burst is None else rate.burst)


def _certificate(given: CertificateIn) -> CertificateRequest:
    return CertificateRequest(chain=given.certificate_chain, private_key=given.private_key)


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "payload": PayloadForm,
    "signatures": _schemes,
    "rate": _rate,
    "client_certificate": _certificate,
    "state": EndpointState,
}
