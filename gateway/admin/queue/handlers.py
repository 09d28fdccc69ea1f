"""The queue, and what of a partner's did not arrive."""

from typing import Any
from uuid import UUID

from gateway.admin.queue.view import DueLane
from gateway.admin.services import AdminServices
from gateway.handlers.webhooks.asking import when
from gateway.handlers.webhooks.completeness import undelivered_page
from gateway.http.call import Call, Reply
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, from_text, to_text
from payments.view import rfc3339
from webhooks.reading.undelivered.view import UndeliveredQuery
from webhooks.reading.waiting import WAIT_SENTENCES, WaitReason

_WHY = (WaitReason.QUEUE, WaitReason.HELD, WaitReason.PAUSED, WaitReason.UNPROVEN, WaitReason.ENDING)


async def read_queue(services: AdminServices, call: Call) -> Reply:  # noqa: ARG001 - there is one queue
    """What is due and why it was not sent yet."""
    state = await services.queue.read()
    due = {why: state.due(why) for why in _WHY}
    return Reply(
        {
            "object": "queue",
            "due": [
                {"why": why, "explanation": WAIT_SENTENCES[why], "deliveries": count, "oldest_due_at": when(oldest)}
                for why, (count, oldest) in due.items()
            ],
            "lanes_with_due": len(state.lanes),
            "endpoints_held": state.held,
            "endpoints_releasing": state.releasing,
            "endpoints_failing": state.failing,
            "epoch": state.epoch,
            "is_complete": state.is_complete,
            "worst": [_lane(lane) for lane in state.worst],
        }
    )


async def list_partner_undelivered(services: AdminServices, call: Call) -> Reply:
    """Newest event first."""
    asked, tenant = call.query, await _tenant(services, call)
    await services.public.reach.check_filters(call, tenant)
    query = UndeliveredQuery(
        endpoint_id=_sent(call, Kind.ENDPOINT, "endpoint_id", tenant.environment),
        merchant_id=_sent(call, Kind.MERCHANT, "merchant_id", tenant.environment),
        types=asked.types,
        reasons=asked.reason,
        since=asked.since,
        until=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return Reply(undelivered_page(await services.public.undelivered.list(tenant, query), tenant.environment))


async def _tenant(services: AdminServices, call: Call) -> Tenant:
    """Raises Invalid for a partner that does not exist."""
    partner_id = _sent(call, Kind.PARTNER, "partner_id", Environment.LIVE)
    if partner_id is None or not await services.public.reach.has_partner(partner_id):
        raise _unknown(Kind.PARTNER, "partner_id")
    return Tenant(partner_id, Environment(call.query.environment))


def _sent(call: Call, kind: Kind, name: str, environment: Environment) -> UUID | None:
    text = getattr(call.query, name)
    try:
        return None if text is None else from_text(kind, text, environment)
    except NotFound:
        raise _unknown(kind, name) from None


def _unknown(kind: Kind, name: str) -> Invalid:
    message = f"Expected the id of one that exists here, which begins with {kind}_."
    return Invalid([FieldError(pointer=f"/{name}", code="unknown_id", message=message)])


def _lane(lane: DueLane) -> dict[str, Any]:
    return {
        "partner_id": to_text(Kind.PARTNER, lane.partner_id),
        "endpoint_id": to_text(Kind.ENDPOINT, lane.endpoint_id, lane.environment),
        "why": lane.why,
        "due_deliveries": lane.deliveries,
        "oldest_due_at": rfc3339(lane.oldest_at),
        "held_at": when(lane.held_at),
        "next_probe_at": when(lane.next_probe_at),
        "failing_since": when(lane.failing_since),
    }
