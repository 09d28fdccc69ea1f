"""The queue, and what of a partner's did not arrive."""

from typing import Any

from gateway.admin.queue.view import DueLane
from gateway.admin.services import AdminServices
from gateway.handlers.webhooks.asking import when
from gateway.handlers.webhooks.completeness import undelivered_out
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
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
    asked = call.query
    try:
        partner_id = from_text(Kind.PARTNER, asked.partner_id)
    except NotFound:
        message = "Expected an id that begins with ptn_."
        raise Invalid([FieldError(pointer="/partner_id", code="unknown_id", message=message)]) from None
    environment = Environment(asked.environment)
    query = UndeliveredQuery(
        reasons=asked.reason, since=asked.since, until=asked.until, cursor=asked.cursor, limit=asked.limit
    )
    found = await services.undelivered.list(Tenant(partner_id, environment), query)
    return Reply(page([undelivered_out(one, environment) for one in found.rows], found.next_cursor))


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
