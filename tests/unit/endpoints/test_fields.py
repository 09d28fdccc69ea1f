"""Each field of an endpoint at its limits."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from webhooks.endpoints.checks.fields import check_fields
from webhooks.endpoints.checks.headers import check_headers_together
from webhooks.endpoints.model import Rate
from webhooks.endpoints.requests import EndpointPatch, EndpointRules
from webhooks.states import EndpointState, SignatureScheme

RULES = EndpointRules(age_max=timedelta(seconds=100_000), patterns_max=2)
MERCHANT = uuid4()


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://shop.example.com/hook"},
        {"event_types": ["*", "payment.*"]},
        {"merchant_ids": []},
        {"merchant_ids": [uuid4() for _ in range(100)]},
        {"headers": {"X-Tag": ""}, "secret_headers": {"Authorization": "x" * 1024, "X-Gone": None}},
        {"metadata": {"a" * 500: "b" * 500}, "description": "d" * 500},
        {"signatures": [SignatureScheme.V1A]},
        {"signatures": [SignatureScheme.V1A, SignatureScheme.V1]},
        {"concurrency": 1, "weight": 100},
        {"rate": Rate(per_second=0.01, burst=1)},
        {"rate": Rate(per_second=10_000, burst=10_000)},
        {"schedule_seconds": [0]},
        {"schedule_seconds": [86_400, 13_600]},
        {"schedule_seconds": [0] * 20},
        {"rate": None, "schedule_seconds": None, "filter": None},
        {"state": EndpointState.DISABLED},
    ],
)
def test_what_may_stand_there(given: Mapping[str, Any]) -> None:
    """Everything up to the limits themselves."""
    assert check_fields(given, RULES) == []


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"event_types": []}, "/event_types", "count"),
        ({"event_types": ["a", "b", "c"]}, "/event_types", "count"),
        ({"merchant_ids": [uuid4() for _ in range(101)]}, "/merchant_ids", "count"),
        ({"merchant_ids": [MERCHANT, MERCHANT]}, "/merchant_ids", "repeated"),
        ({"headers": {"a b": "c"}}, "/headers", "header_invalid"),
        ({"headers": {"a": "é"}}, "/headers", "header_invalid"),
        ({"headers": {"Webhook-Id": "c"}}, "/headers", "header_reserved"),
        ({"secret_headers": {"Host": None}}, "/secret_headers", "header_reserved"),
        ({"secret_headers": {"a": "x" * 1025}}, "/secret_headers", "header_invalid"),
        ({"metadata": {str(number): "" for number in range(21)}}, "/metadata", "count"),
        ({"metadata": {"a": "b" * 501}}, "/metadata", "length"),
        ({"description": "a\0"}, "/description", "length"),
        ({"signatures": []}, "/signatures", "count"),
        ({"signatures": [SignatureScheme.V1, SignatureScheme.V1]}, "/signatures", "count"),
        ({"concurrency": 101}, "/concurrency", "out_of_range"),
        ({"weight": 0}, "/weight", "out_of_range"),
        ({"rate": Rate(per_second=float("nan"), burst=1)}, "/rate/per_second", "out_of_range"),
        ({"rate": Rate(per_second=float("inf"), burst=1)}, "/rate/per_second", "out_of_range"),
        ({"rate": Rate(per_second=1, burst=0)}, "/rate/burst", "out_of_range"),
        ({"schedule_seconds": []}, "/schedule_seconds", "count"),
        ({"schedule_seconds": [0] * 21}, "/schedule_seconds", "count"),
        ({"schedule_seconds": [0, -1]}, "/schedule_seconds/1", "out_of_range"),
        ({"schedule_seconds": [86_401]}, "/schedule_seconds/0", "out_of_range"),
        ({"schedule_seconds": [86_400, 13_601]}, "/schedule_seconds", "out_of_range"),
        ({"state": EndpointState.UNPROVEN}, "/state", "state_invalid"),
    ],
)
def test_what_may_not(given: Mapping[str, Any], pointer: str, code: str) -> None:
    """One step beyond each limit, with the field's pointer."""
    assert [(error.pointer, error.code) for error in check_fields(given, RULES)] == [(pointer, code)]


def test_headers_are_counted_and_compared_together() -> None:
    """Plain and secret ones are one set of twenty at most, whose names differ by more than case."""
    plain, secret = {f"a{number}": "" for number in range(10)}, {f"b{number}": "" for number in range(10)}
    assert check_headers_together(plain, secret) == []
    assert [error.code for error in check_headers_together({**plain, "c": ""}, secret)] == ["count"]
    assert [error.code for error in check_headers_together({"X-A": "1"}, {"x-a": "2"})] == ["repeated"]


def test_a_patch_gives_only_what_it_says() -> None:
    """None is something that is given; what is left out is not."""
    assert EndpointPatch().given() == {}
    assert EndpointPatch(filter=None, weight=2).given() == {"filter": None, "weight": 2}
