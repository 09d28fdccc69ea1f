"""What a caller may ask of a replay, checked: all wrong fields at once."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from kernel.errors import FieldError, Invalid
from kernel.ids import Tenant
from webhooks.endpoints.patterns import is_pattern
from webhooks.replays.model import ENDED, FAILED, Coverage, ReplayRequest, ReplayRules

RATE_MIN = 0.1
_STATUS_CLASSES = frozenset(range(6))
_FILTERS = (
    *("endpoint_id", "merchant_id", "event_types", "states", "status_classes", "since", "until"),
    *("include_unmatched", "rate_per_second"),
)


def check(request: ReplayRequest, rules: ReplayRules, now: datetime) -> list[FieldError]:
    """Every field that is wrong."""
    wrong = [*_check_times(request, rules, now), *_check_lists(request, rules), *_check_rate(request, rules)]
    if request.delivery_id is not None:
        return [*wrong, *_check_alone(request)]
    return [*wrong, *_check_filter(request)]


def refuse(errors: list[FieldError]) -> Invalid:
    """The error to raise for wrong fields."""
    return Invalid(errors, "The replay has fields that are not valid.")


def coverage_of(tenant: Tenant, request: ReplayRequest, now: datetime) -> Coverage:
    """What a filter without errors covers. Without `until` it ends now; without `states` it takes what failed."""
    return Coverage(
        tenant=tenant,
        endpoint_id=request.endpoint_id,
        merchant_id=request.merchant_id,
        event_types=tuple(request.event_types),
        states=tuple(FAILED if request.states is None else dict.fromkeys(request.states)),
        status_classes=tuple(sorted(set(request.status_classes))),
        since=request.since or now,
        until=request.until or now,
        include_unmatched=request.include_unmatched,
    )


def coverage_of_one(tenant: Tenant, endpoint_id: UUID, at: datetime) -> Coverage:
    """What the replay of one delivery covers: its event's time, and whatever state it ended in."""
    return Coverage(
        tenant=tenant,
        endpoint_id=endpoint_id,
        merchant_id=None,
        event_types=(),
        states=ENDED,
        status_classes=(),
        since=at,
        until=at,
        include_unmatched=False,
    )


def _check_alone(request: ReplayRequest) -> Iterator[FieldError]:
    """One delivery needs nothing else."""
    for name in _FILTERS:
        if getattr(request, name):
            yield _error(f"/{name}", "not_with_delivery_id", "must be left out where delivery_id is given")


def _check_filter(request: ReplayRequest) -> Iterator[FieldError]:
    if request.since is None:
        yield _error("/since", "required", "must be given, unless delivery_id is")
    if request.include_unmatched and request.endpoint_id is None:
        yield _error("/endpoint_id", "required", "must be given where include_unmatched is true")
    if request.states is not None and not request.states and not request.include_unmatched:
        yield _error("/states", "count", "must name a state, unless include_unmatched is true")


def _check_times(request: ReplayRequest, rules: ReplayRules, now: datetime) -> Iterator[FieldError]:
    since, until = request.since, request.until
    if since is not None and since < now - rules.window:
        yield _error("/since", "too_early", f"must lie within the last {rules.window.days} days")
    if since is not None and since >= now:
        yield _error("/since", "in_future", "must lie in the past")
    if until is not None and until > now:
        yield _error("/until", "in_future", "must not lie in the future; leave it out for now")
    if since is not None and until is not None and since >= until:
        yield _error("/until", "not_after_since", "must be later than since")


def _check_lists(request: ReplayRequest, rules: ReplayRules) -> Iterator[FieldError]:
    if len(request.event_types) > rules.patterns_max:
        yield _error("/event_types", "count", f"must hold {rules.patterns_max} patterns at most")
    for number, pattern in enumerate(request.event_types[: rules.patterns_max]):
        if not is_pattern(pattern):
            message = "must be an event type, the beginning of one with .*, or *"
            yield _error(f"/event_types/{number}", "event_type_invalid", message)
    for number, state in enumerate(request.states or ()):
        if state not in ENDED:
            yield _error(f"/states/{number}", "not_ended", f"must be one of {', '.join(ENDED)}")
    if not set(request.status_classes) <= _STATUS_CLASSES:
        yield _error("/status_classes", "out_of_range", "must hold first digits of status codes, 1 to 5, or 0")


def _check_rate(request: ReplayRequest, rules: ReplayRules) -> Iterator[FieldError]:
    rate = request.rate_per_second
    if rate is not None and not RATE_MIN <= rate <= rules.rate_max:
        yield _error("/rate_per_second", "out_of_range", f"must be {RATE_MIN:g} to {rules.rate_max:g}")


def _error(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)
