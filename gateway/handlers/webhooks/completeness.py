"""What did not arrive, proofs of what was sent, and one event with what became of it."""

from datetime import date
from typing import Any

from gateway.handlers.webhooks.asking import maybe_text, sent_ids, when
from gateway.handlers.webhooks.events import event_out
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.ids import Environment, Kind, to_text
from payments.view import rfc3339
from webhooks.manifests.book import SignedManifest, no_manifest
from webhooks.reading.gaps import Gap
from webhooks.reading.undelivered.reasons import sentence_of
from webhooks.reading.undelivered.summary import ReasonCount
from webhooks.reading.undelivered.view import Undelivered, UndeliveredPage, UndeliveredQuery

_DROPPED = "dropped"


async def get_event(services: Services, call: Call) -> Reply:
    """With how many of its deliveries are in each state."""
    story = await services.feed.event(call.caller.tenant, call.path_id("event_id", Kind.EVENT))
    return Reply(
        {
            **event_out(call, story.event),
            "deliveries": {state.value: count for state, count in story.deliveries.items()},
        }
    )


async def list_undelivered(services: Services, call: Call) -> Reply:
    """Newest event first."""
    asked = call.query
    query = UndeliveredQuery(
        **sent_ids(call, endpoint_id=Kind.ENDPOINT, merchant_id=Kind.MERCHANT),
        types=asked.types,
        reasons=asked.reason,
        since=asked.since,
        until=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    found = await services.undelivered.list(call.caller.tenant, query)
    return Reply(undelivered_page(found, call.caller.tenant.environment))


async def summarise_undelivered(services: Services, call: Call) -> Reply:
    """How many there are of each reason."""
    summary = await services.undelivered_summary.read(call.caller.tenant, call.query.since, call.query.until)
    counts = [_count(reason, count) for reason, count in summary.reasons.items()]
    return Reply({"data": counts, "is_complete": summary.is_complete})


async def list_gaps(services: Services, call: Call) -> Reply:
    """Lowest number first."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    found = await services.gaps.after(call.caller.tenant, endpoint_id, call.query.since, call.query.limit)
    return Reply(
        {
            "data": [_gap(call, gap) for gap in found.gaps],
            "last_sequence": found.last_sequence,
            "next_since": found.next_since,
            "oldest_kept_sequence": found.oldest_kept,
        }
    )


async def list_manifests(services: Services, call: Call) -> Reply:
    """Newest first."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    tenant, asked = call.caller.tenant, call.query
    found = await services.manifests.list(tenant, endpoint_id, asked.cursor, asked.limit)
    return Reply(page([_manifest(one) for one in found.manifests], found.next_cursor))


async def get_manifest(services: Services, call: Call) -> Reply:
    """One day's; what is no day has none."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    try:
        day = date.fromisoformat(call.path_text("day"))
    except ValueError:
        raise no_manifest() from None
    return Reply(_manifest(await services.manifests.get(call.caller.tenant, endpoint_id, day)))


def undelivered_page(found: UndeliveredPage, environment: Environment) -> dict[str, Any]:
    """A page of what did not arrive."""
    shown = page([_undelivered(one, environment) for one in found.rows], found.next_cursor)
    return {**shown, "is_complete": found.is_complete}


def _undelivered(one: Undelivered, environment: Environment) -> dict[str, Any]:
    delivery = one.delivery
    waiting = None if delivery is None else delivery.waiting_for
    return {
        "object": "undelivered",
        "event_id": to_text(Kind.EVENT, one.event_id, environment),
        "event_type": one.event_type,
        "merchant_id": maybe_text(Kind.MERCHANT, one.merchant_id, environment),
        "endpoint_id": maybe_text(Kind.ENDPOINT, one.endpoint_id, environment),
        "delivery_id": None if delivery is None else to_text(Kind.DELIVERY, delivery.id, environment),
        "sequence": None if delivery is None else delivery.sequence,
        "state": None if delivery is None else delivery.state,
        "reason": one.reason,
        "explanation": sentence_of(one.reason),
        "since": rfc3339(one.since),
        "until": None if waiting is None else when(waiting.until),
        "last_attempt_at": None if delivery is None else when(delivery.last_attempt_at),
        "last_status_code": None if delivery is None else delivery.last_status_code,
        "last_error_class": None if delivery is None else delivery.last_error_class,
    }


def _count(reason: str, count: ReasonCount) -> dict[str, Any]:
    return {
        "reason": reason,
        "explanation": sentence_of(reason),
        "count": count.count,
        "oldest_at": when(count.oldest_at),
    }


def _gap(call: Call, gap: Gap) -> dict[str, Any]:
    environment = call.caller.tenant.environment
    return {
        "first_sequence": gap.first,
        "last_sequence": gap.last,
        "delivery_id": maybe_text(Kind.DELIVERY, gap.delivery_id, environment),
        "event_id": maybe_text(Kind.EVENT, gap.event_id, environment),
        "state": gap.state or _DROPPED,
        "reason": gap.state_reason,
        "round": gap.round,
        "last_status_code": gap.last_status_code,
        "last_error_class": gap.last_error_class,
    }


def _manifest(one: SignedManifest) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "object": "manifest",
        "endpoint_id": manifest.endpoint_id,
        "day": manifest.day.isoformat(),
        "count": manifest.count,
        "first_sequence": manifest.first_sequence,
        "last_sequence": manifest.last_sequence,
        "digest": manifest.digest,
        "made_at": rfc3339(manifest.made_at),
        "document": one.document,
        "key": dict(one.key),
    }
