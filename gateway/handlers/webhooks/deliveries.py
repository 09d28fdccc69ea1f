"""What became of events: deliveries and their attempts, searched and read."""

from dataclasses import asdict
from typing import Any

from gateway.handlers.webhooks.asking import maybe_text, sent_ids, status_codes, when
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.reading.attempts import Attempt, AttemptQuery, FoundAttempt
from webhooks.reading.deliveries import Delivery, DeliveryQuery
from webhooks.reading.waiting import Waiting
from webhooks.sending.model import Cause, ErrorClass, Exchange
from webhooks.states import DeliveryState


async def list_deliveries(services: Services, call: Call) -> Reply:
    """Newest first."""
    found = await services.deliveries.list(call.caller.tenant, _query(call))
    return Reply(page([_delivery(call, delivery) for delivery in found.deliveries], found.next_cursor))


async def get_delivery(services: Services, call: Call) -> Reply:
    """One delivery."""
    delivery_id = call.path_id("delivery_id", Kind.DELIVERY)
    return Reply(_delivery(call, await services.deliveries.get(call.caller.tenant, delivery_id)))


async def list_attempts(services: Services, call: Call) -> Reply:
    """First to last, with what was exchanged; there are at most as many as the schedule has steps."""
    delivery_id = call.path_id("delivery_id", Kind.DELIVERY)
    attempts = await services.attempts.of_delivery(call.caller.tenant, delivery_id)
    return Reply(page([_whole(call, attempt) for attempt in attempts], None))


async def search_attempts(services: Services, call: Call) -> Reply:
    """Of an endpoint, of an event, or all of them."""
    asked = call.query
    ids = sent_ids(call, endpoint_id=Kind.ENDPOINT, delivery_id=Kind.DELIVERY, event_id=Kind.EVENT)
    query = AttemptQuery(
        **ids,
        status_codes=status_codes(asked.status_code, asked.status_class),
        error_class=None if asked.error_class is None else ErrorClass(asked.error_class),
        cause=None if asked.cause is None else Cause(asked.cause),
        since=asked.since,
        until=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    found = await services.attempts.search(call.caller.tenant, query)
    return Reply(page([_found(call, attempt) for attempt in found.attempts], found.next_cursor))


def _query(call: Call) -> DeliveryQuery:
    asked = call.query
    ids = sent_ids(
        call,
        endpoint_id=Kind.ENDPOINT,
        event_id=Kind.EVENT,
        payment_id=Kind.PAYMENT,
        merchant_id=Kind.MERCHANT,
        replay_id=Kind.REPLAY,
    )
    return DeliveryQuery(
        **ids,
        states=tuple(DeliveryState(state) for state in asked.state),
        types=asked.types,
        status_codes=status_codes(asked.status_code, asked.status_class),
        error_class=None if asked.error_class is None else ErrorClass(asked.error_class),
        cause=None if asked.cause is None else Cause(asked.cause),
        since=asked.since,
        until=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
    )


def _delivery(call: Call, delivery: Delivery) -> dict[str, Any]:
    environment = call.caller.tenant.environment
    return {
        "id": to_text(Kind.DELIVERY, delivery.id, environment),
        "object": "delivery",
        "event_id": to_text(Kind.EVENT, delivery.event_id, environment),
        "event_type": delivery.event_type,
        "endpoint_id": to_text(Kind.ENDPOINT, delivery.endpoint_id, environment),
        "merchant_id": maybe_text(Kind.MERCHANT, delivery.merchant_id, environment),
        "state": delivery.state,
        "state_reason": delivery.state_reason,
        "sequence": delivery.sequence,
        "priority": delivery.priority.name.lower(),
        "round": delivery.round,
        "step": delivery.step,
        "waiting_for": None if delivery.waiting_for is None else _waiting(delivery.waiting_for),
        "next_attempt_at": when(delivery.next_attempt_at),
        "last_attempt_at": when(delivery.last_attempt_at),
        "last_status_code": delivery.last_status_code,
        "last_error_class": delivery.last_error_class,
        "round_at": when(delivery.round_at),
        "replay_id": maybe_text(Kind.REPLAY, delivery.replay_id, environment),
        "ended_at": when(delivery.ended_at),
    }


def _waiting(waiting: Waiting) -> dict[str, Any]:
    return {"reason": waiting.reason, "explanation": waiting.sentence, "until": when(waiting.until)}


def _whole(call: Call, attempt: Attempt) -> dict[str, Any]:
    return {
        **_attempt(call, attempt),
        "exchange": None if attempt.exchange is None else _exchange(attempt.exchange),
    }


def _found(call: Call, found: FoundAttempt) -> dict[str, Any]:
    environment = call.caller.tenant.environment
    return {
        **_attempt(call, found.attempt),
        "delivery_id": to_text(Kind.DELIVERY, found.delivery_id, environment),
        "event_id": to_text(Kind.EVENT, found.event_id, environment),
        "endpoint_id": to_text(Kind.ENDPOINT, found.endpoint_id, environment),
    }


def _attempt(call: Call, attempt: Attempt) -> dict[str, Any]:
    return {
        "id": to_text(Kind.ATTEMPT, attempt.id, call.caller.tenant.environment),
        "object": "attempt",
        "round": attempt.round,
        "step": attempt.step,
        "cause": attempt.cause,
        "superseded": attempt.superseded,
        "status_code": attempt.status_code,
        "error_class": attempt.error_class,
        "started_at": rfc3339(attempt.started_at),
        "timings": asdict(attempt.timings),
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "url": exchange.url,
        "request_headers": exchange.request_headers,
        "response_headers": exchange.response_headers,
        "response_body": exchange.response_body.decode("utf-8", "replace"),
        "note": exchange.note,
    }
