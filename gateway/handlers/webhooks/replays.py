"""Replays: from calls to the webhooks room and back."""

from typing import Any
from uuid import UUID

from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.errors import FieldError, Invalid
from kernel.ids import NIL, Environment, Kind, to_text
from payments.view import rfc3339
from webhooks.endpoints.model import Caller
from webhooks.replays.model import Estimate, Progress, Replay, ReplayRequest
from webhooks.replays.requests import refuse
from webhooks.states import DeliveryState

_POINTERS = {Kind.DELIVERY: "/delivery_id", Kind.ENDPOINT: "/endpoint_id", Kind.MERCHANT: "/merchant_id"}


async def create_replay(services: Services, call: Call) -> Reply:
    """201 with the replay, or 200 with the estimate of a dry run."""
    request = _request(services, call)
    if call.body.dry_run:
        return Reply(_estimate(await services.replays.estimate(_caller(call), request)), 200)
    shown = _progress(await services.replays.create(_caller(call), request))
    return Reply(shown, headers={"Location": f"{call.request.path}/{shown['id']}"})


async def list_replays(services: Services, call: Call) -> Reply:
    """Newest first."""
    found = await services.replays.list(call.caller.tenant, cursor=call.query.cursor, limit=call.query.limit)
    return Reply(page([_replay(replay) for replay in found.replays], found.next_cursor))


async def get_replay(services: Services, call: Call) -> Reply:
    """One replay with its progress."""
    return Reply(_progress(await services.replays.get(call.caller.tenant, call.path_id("replay_id", Kind.REPLAY))))


async def pause_replay(services: Services, call: Call) -> Reply:
    """Nothing more is made due for now."""
    return Reply(_progress(await services.replays.pause(_caller(call), call.path_id("replay_id", Kind.REPLAY))))


async def resume_replay(services: Services, call: Call) -> Reply:
    """It goes on where it was paused."""
    return Reply(_progress(await services.replays.resume(_caller(call), call.path_id("replay_id", Kind.REPLAY))))


async def cancel_replay(services: Services, call: Call) -> Reply:
    """What it has made due is still sent."""
    return Reply(_progress(await services.replays.cancel(_caller(call), call.path_id("replay_id", Kind.REPLAY))))


async def retry_delivery(services: Services, call: Call) -> Reply:
    """Due now; the attempt is made by a dispatcher right after this answer."""
    retried = await services.retrier.retry(_caller(call), call.path_id("delivery_id", Kind.DELIVERY))
    environment = call.caller.tenant.environment
    return Reply(
        {
            "object": "delivery_retry",
            "delivery_id": to_text(Kind.DELIVERY, retried.delivery_id, environment),
            "replay_id": _maybe_text(Kind.REPLAY, retried.replay_id, environment),
            "round": retried.round,
            "step": retried.step,
        }
    )


def _request(services: Services, call: Call) -> ReplayRequest:
    """Raises Invalid with every wrong field: ids of the wrong kind or environment beside all others."""
    body, errors = call.body, list[FieldError]()
    request = ReplayRequest(
        delivery_id=_sent_id(call, body.delivery_id, Kind.DELIVERY, errors),
        endpoint_id=_sent_id(call, body.endpoint_id, Kind.ENDPOINT, errors),
        merchant_id=_sent_id(call, body.merchant_id, Kind.MERCHANT, errors),
        event_types=tuple(body.event_types),
        states=None if body.states is None else tuple(DeliveryState(state) for state in body.states),
        status_classes=tuple(body.status_classes),
        since=body.since,
        until=body.until,
        include_unmatched=body.include_unmatched,
        rate_per_second=body.rate_per_second,
    )
    errors += services.replays.check(request)
    if errors:
        raise refuse(errors)
    return request


def _sent_id(call: Call, text: str | None, kind: Kind, errors: list[FieldError]) -> UUID | None:
    """The id; one that cannot name anything adds its error, and counts as given."""
    try:
        return call.maybe_id(text, kind, _POINTERS[kind])
    except Invalid as error:
        errors += error.errors
        return NIL


def _caller(call: Call) -> Caller:
    return Caller(tenant=call.caller.tenant, actor=call.caller.owner, request_id=call.request_id)


def _progress(progress: Progress) -> dict[str, Any]:
    shown = [state for state in DeliveryState if state is not DeliveryState.WAITING]
    return {**_replay(progress.replay), "outcomes": {state.value: progress.outcomes.get(state, 0) for state in shown}}


def _replay(replay: Replay) -> dict[str, Any]:
    coverage, environment = replay.coverage, replay.coverage.tenant.environment
    return {
        "id": to_text(Kind.REPLAY, replay.id, environment),
        "object": "replay",
        "state": replay.state,
        "delivery_id": _maybe_text(Kind.DELIVERY, replay.delivery_id, environment),
        "endpoint_id": _maybe_text(Kind.ENDPOINT, coverage.endpoint_id, environment),
        "merchant_id": _maybe_text(Kind.MERCHANT, coverage.merchant_id, environment),
        "event_types": coverage.event_types,
        "states": coverage.states,
        "status_classes": coverage.status_classes,
        "since": rfc3339(coverage.since),
        "until": rfc3339(coverage.until),
        "include_unmatched": coverage.include_unmatched,
        "rate_per_second": replay.rate_per_second,
        "total": replay.total,
        "queued": replay.queued,
        "made": replay.made,
        "skipped": replay.skipped,
        "seconds_left": replay.seconds_left,
        "requested_by": replay.requested_by,
        "created_at": rfc3339(replay.created_at),
        "ended_at": None if replay.ended_at is None else rfc3339(replay.ended_at),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "object": "replay_estimate",
        "total": estimate.total,
        "unmatched": estimate.unmatched,
        "unmatched_at_most": estimate.is_unmatched_at_most,
        "under_way": estimate.under_way,
        "estimated_seconds": estimate.seconds,
    }


def _maybe_text(kind: Kind, identifier: UUID | None, environment: Environment) -> str | None:
    return None if identifier is None else to_text(kind, identifier, environment)
