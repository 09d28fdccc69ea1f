"""What may be asked of a replay."""

from datetime import timedelta
from typing import Any

import pytest

from kernel.ids import NIL, Environment, Tenant
from tests.support.clock import NOON
from webhooks.replays.model import ReplayRequest, ReplayRules
from webhooks.replays.requests import check, coverage_of
from webhooks.states import DeliveryState

RULES = ReplayRules()
HOUR = timedelta(hours=1)


def wrong(**fields: Any) -> set[str]:
    """Where the errors of a request point."""
    return {error.pointer for error in check(ReplayRequest(**fields), RULES, NOON)}


def test_a_plain_filter_is_fine() -> None:
    """A beginning is enough: it covers what failed from then until now."""
    request = ReplayRequest(since=NOON - HOUR)
    assert check(request, RULES, NOON) == []
    coverage = coverage_of(Tenant(NIL, Environment.TEST), request, NOON)
    assert coverage.states == (DeliveryState.DEAD, DeliveryState.UNDELIVERED)
    assert (coverage.since, coverage.until) == (NOON - HOUR, NOON)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, {"/since"}),
        ({"since": NOON - timedelta(days=30, seconds=1)}, {"/since"}),
        ({"since": NOON}, {"/since"}),
        ({"since": NOON - HOUR, "until": NOON + HOUR}, {"/until"}),
        ({"since": NOON - HOUR, "until": NOON - HOUR}, {"/until"}),
        ({"since": NOON - HOUR, "include_unmatched": True}, {"/endpoint_id"}),
        ({"since": NOON - HOUR, "states": []}, {"/states"}),
        ({"since": NOON - HOUR, "states": [DeliveryState.DEAD, DeliveryState.PENDING]}, {"/states/1"}),
        ({"since": NOON - HOUR, "status_classes": [4, 6]}, {"/status_classes"}),
        ({"since": NOON - HOUR, "event_types": ["a.*", "a*", ""]}, {"/event_types/1", "/event_types/2"}),
        ({"since": NOON - HOUR, "event_types": ["a"] * 101}, {"/event_types"}),
        ({"since": NOON - HOUR, "rate_per_second": 0}, {"/rate_per_second"}),
        ({"since": NOON - HOUR, "rate_per_second": 1001}, {"/rate_per_second"}),
        ({"since": NOON - HOUR, "rate_per_second": float("nan")}, {"/rate_per_second"}),
    ],
)
def test_each_wrong_field_is_named(fields: dict[str, Any], pointers: set[str]) -> None:
    """A time outside the window, a state that has not ended, a pattern that is none: the error points to it."""
    assert wrong(**fields) == pointers


def test_every_wrong_field_is_named_at_once() -> None:
    """No error hides another."""
    fields = {"until": NOON + HOUR, "event_types": ["*x"], "status_classes": [9], "rate_per_second": -1}
    expected = {"/since", "/until", "/event_types/0", "/status_classes", "/rate_per_second", "/endpoint_id"}
    assert wrong(**fields, include_unmatched=True) == expected


def test_one_delivery_needs_nothing_else() -> None:
    """What narrows a filter is refused beside delivery_id, each field by itself."""
    assert wrong(delivery_id=NIL) == set()
    ids = {"endpoint_id": NIL, "merchant_id": NIL}
    beside = {**ids, "states": [DeliveryState.DEAD], "since": NOON - HOUR, "rate_per_second": 5}
    assert wrong(delivery_id=NIL, **beside) == {f"/{name}" for name in beside}
