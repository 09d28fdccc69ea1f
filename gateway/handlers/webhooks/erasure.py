"""Erasing what an event said."""

from gateway.http.call import Call, Reply
from gateway.services import Services
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.endpoints.model import Caller


async def erase_event(services: Services, call: Call) -> Reply:
    """For good; a repeat answers the same."""
    caller = Caller(tenant=call.caller.tenant, actor=call.caller.owner, request_id=call.request_id)
    erased = await services.event_erasure.erase(caller, call.path_id("event_id", Kind.EVENT))
    return Reply(
        {
            "id": to_text(Kind.EVENT, erased.event_id, caller.tenant.environment),
            "object": "event",
            "erased_at": rfc3339(erased.erased_at),
            "deliveries_ended": erased.ended,
        }
    )
