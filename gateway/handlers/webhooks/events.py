"""Publishing events, one or many, and reading the feed."""

from typing import Any

from gateway.http.bodies import validated
from gateway.http.call import Call, Reply
from gateway.problems.document import problem_of
from gateway.schemas.webhooks.events import EventBatchIn, EventIn
from gateway.services import Services
from kernel.errors import Invalid, ThreadneedleError
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.events.publisher import Published
from webhooks.events.requests import EventRequest
from webhooks.queue.port import Priority
from webhooks.reading.feed import FeedEvent, FeedQuery

_REPEATED = {"Idempotent-Replayed": "true"}


async def publish_event(services: Services, call: Call) -> Reply:
    """Answered once the event and its deliveries are committed."""
    published = await services.publisher.publish(call.caller.tenant, _request(call, call.body))
    return Reply(_accepted(call, call.body.type, published), headers=_REPEATED if published.repeated else {})


async def publish_events(services: Services, call: Call) -> Reply:
    """Each event by itself: what is wrong with one does not touch the others."""
    requests = [_try_request(call, item) for item in call.body.data]
    good = [request for request in requests if isinstance(request, EventRequest)]
    outcomes = iter(await services.publisher.publish_many(call.caller.tenant, good) if good else ())
    items = [next(outcomes) if isinstance(request, EventRequest) else request for request in requests]
    return Reply({"data": [_item(call, item) for item in items]})


async def read_feed(services: Services, call: Call) -> Reply:
    """Every event exactly once, in an order that no cursor can fall behind."""
    query = FeedQuery(
        cursor=call.query.cursor,
        limit=call.query.limit,
        types=call.query.types,
        merchant_id=call.maybe_id(call.query.merchant_id, Kind.MERCHANT, "/merchant_id"),
    )
    page = await services.feed.page(call.caller.tenant, query)
    data = [event_out(call, event) for event in page.events]
    return Reply({"data": data, "next_cursor": page.next_cursor, "has_more": page.has_more})


def batch_cost(body: EventBatchIn) -> int:
    """A batch costs as many tokens as it has events."""
    return len(body.data)


def _request(call: Call, body: EventIn) -> EventRequest:
    return EventRequest(
        type=body.type,
        data=body.data,
        merchant_id=call.maybe_id(body.merchant_id, Kind.MERCHANT, "/merchant_id"),
        occurred_at=body.timestamp,
        key=body.id,
        ordering_key=body.ordering_key,
        priority=Priority[body.priority.upper()],
        type_version=body.type_version,
    )


def _try_request(call: Call, item: Any) -> EventRequest | Invalid:
    try:
        return _request(call, validated(EventIn, item))
    except Invalid as error:
        return error


def _item(call: Call, outcome: Published | ThreadneedleError) -> dict[str, Any]:
    if isinstance(outcome, Published):
        identifier = to_text(Kind.EVENT, outcome.event_id, call.caller.tenant.environment)
        return {"status": "accepted", "id": identifier, "repeated": outcome.repeated}
    return {"status": "rejected", "problem": problem_of(outcome).document(call.request_id)}


def _accepted(call: Call, event_type: str, published: Published) -> dict[str, Any]:
    return {
        "id": to_text(Kind.EVENT, published.event_id, call.caller.tenant.environment),
        "object": "event",
        "type": event_type,
        "repeated": published.repeated,
    }


def event_out(call: Call, event: FeedEvent) -> dict[str, Any]:
    """An event as the feed shows it."""
    environment = call.caller.tenant.environment
    merchant = event.merchant_id
    return {
        "id": to_text(Kind.EVENT, event.id, environment),
        "object": "event",
        "type": event.type,
        "merchant_id": None if merchant is None else to_text(Kind.MERCHANT, merchant, environment),
        "timestamp": rfc3339(event.occurred_at),
        "type_version": event.type_version,
        "matched": event.matched,
        "data": event.data,
        "test": event.is_test,
        "erased_at": None if event.erased_at is None else rfc3339(event.erased_at),
    }
