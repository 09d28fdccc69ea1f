"""Trying endpoints out: test events, the ownership challenge, filters."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.handlers.webhooks.endpoints.views import caller_of
from gateway.http.call import Call, Reply
from gateway.services import Services
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.endpoints.model import Hearing
from webhooks.endpoints.trying.answer import MEMBER, SENTENCES, ChallengeReason
from webhooks.endpoints.trying.challenge import ChallengeResult
from webhooks.endpoints.trying.hearing import HEARS_ALL, HearingRequest
from webhooks.endpoints.trying.tester import TEST_EVENT_TYPE
from webhooks.filters.expression import Outcome
from webhooks.filters.trying import Condition, SampleEvent, Trial

_PROVEN = frozenset({ChallengeReason.ANSWERED, ChallengeReason.ALREADY_PROVEN})
_EXPECTED = (
    f"Verify the signature, then answer 2xx with the value of data.{MEMBER} as the body, or with a JSON object that "
    f'has it as "{MEMBER}".'
)

_HEARD = "The event's merchant, its type and the filter let it through."
_WHY = {
    Condition.MERCHANT: "The event's merchant is not among those that the endpoint hears of.",
    Condition.EVENT_TYPES: "None of the event types matches the event's type.",
}
_WHY_NOT_TRUE = {
    Outcome.FALSE: "The filter is not true of the event.",
    Outcome.NOT_COMPUTABLE: "The filter cannot be computed on the event: a function gets what it does not take.",
    Outcome.TOO_MANY_STEPS: "The filter takes too many steps on the event.",
}


async def send_test(services: Services, call: Call) -> Reply:
    """Goes to this endpoint alone, whatever it listens to."""
    tenant, event_type = call.caller.tenant, call.body.event_type
    event_id = await services.endpoint_tester.send(tenant, call.path_id("endpoint_id", Kind.ENDPOINT), event_type)
    identifier = to_text(Kind.EVENT, event_id, tenant.environment)
    return Reply({"id": identifier, "object": "event", "type": event_type or TEST_EVENT_TYPE, "repeated": False})


async def challenge(services: Services, call: Call) -> Reply:
    """The receiver is asked once, now; the answer says whether it met the challenge and if not, why."""
    endpoint_id = call.path_id("endpoint_id", Kind.ENDPOINT)
    return Reply(_challenge(await services.challenges.challenge(caller_of(call), endpoint_id)))


async def try_filter(services: Services, call: Call) -> Reply:
    """Nothing is kept."""
    return Reply(await _tried(services, call, HEARS_ALL, None))


async def try_endpoint_filter(services: Services, call: Call) -> Reply:
    """As the endpoint is, but for what the body gives."""
    endpoint = await services.endpoints.get(call.caller.tenant, call.path_id("endpoint_id", Kind.ENDPOINT))
    return Reply(await _tried(services, call, endpoint.hearing, endpoint.merchant_id))


async def _tried(services: Services, call: Call, hearing: Hearing, merchant_id: UUID | None) -> dict[str, Any]:
    body, event = call.body, call.body.event
    sample = SampleEvent(
        merchant_id=call.maybe_id(event.merchant_id, Kind.MERCHANT, "/event/merchant_id"),
        body={
            "type": event.type,
            "timestamp": rfc3339(event.timestamp or datetime.now(UTC)),
            "data": event.data,
        },
    )
    request = HearingRequest(filter=body.filter, event_types=body.event_types)
    trial = await services.hearing_trials.run(hearing, merchant_id, request, sample)
    return {
        "matches": trial.matches,
        "failed": trial.failed,
        "why": _why(trial),
        "filter_result": trial.outcome,
        "microseconds": trial.filter_us,
    }


def _why(trial: Trial) -> str:
    sentences = [_WHY[condition] for condition in trial.failed if condition in _WHY]
    if trial.outcome in _WHY_NOT_TRUE:
        sentences.append(_WHY_NOT_TRUE[trial.outcome])
    return " ".join(sentences) or _HEARD


def _challenge(result: ChallengeResult) -> dict[str, Any]:
    endpoint = result.endpoint
    return {
        "object": "webhook_endpoint_challenge",
        "endpoint_id": to_text(Kind.ENDPOINT, endpoint.id, endpoint.tenant.environment),
        "state": endpoint.state,
        "proven": result.reason in _PROVEN,
        "reason": result.reason,
        "detail": SENTENCES[result.reason],
        "status_code": result.status_code,
        "error_class": result.error_class,
        "expected": _EXPECTED,
    }
