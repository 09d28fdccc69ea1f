"""What became of events: deliveries and their attempts."""

from dataclasses import asdict
from typing import Any

from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.reading.deliveries import Attempt, Delivery, DeliveryQuery
from webhooks.sending.model import Exchange
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
    attempts = await services.deliveries.attempts(call.caller.tenant, delivery_id)
    return Reply(page([_attempt(call, attempt) for attempt in attempts], None))


def _query(call: Call) -> DeliveryQuery:
    asked = call.query
    return DeliveryQuery(
        endpoint_id=call.maybe_id(asked.endpoint_id, Kind.ENDPOINT, "/endpoint_id"),
        event_id=call.maybe_id(asked.event_id, Kind.EVENT, "/event_id"),
        merchant_id=call.maybe_id(asked.merchant_id, Kind.MERCHANT, "/merchant_id"),
        states=() if asked.state is None else (DeliveryState(asked.state),),
        cursor=asked.cursor,
        limit=asked.limit,
    )


def _delivery(call: Call, delivery: Delivery) -> dict[str, Any]:
    environment = call.caller.tenant.environment
    merchant = delivery.merchant_id
    return {
        "id": to_text(Kind.DELIVERY, delivery.id, environment),
        "object": "delivery",
        "event_id": to_text(Kind.EVENT, delivery.event_id, environment),
        "event_type": delivery.event_type,
        "endpoint_id": to_text(Kind.ENDPOINT, delivery.endpoint_id, environment),
        "merchant_id": None if merchant is None else to_text(Kind.MERCHANT, merchant, environment),
        "state": delivery.state,
        "state_reason": delivery.state_reason,
        "round": delivery.round,
        "step": delivery.step,
        "next_attempt_at": None if delivery.next_attempt_at is None else rfc3339(delivery.next_attempt_at),
        "ended_at": None if delivery.ended_at is None else rfc3339(delivery.ended_at),
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
        "exchange": None if attempt.exchange is None else _exchange(attempt.exchange),
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "url": exchange.url,
        "request_headers": exchange.request_headers,
        "response_headers": exchange.response_headers,
        "response_body": exchange.response_body.decode("utf-8", "replace"),
        "note": exchange.note,
    }
