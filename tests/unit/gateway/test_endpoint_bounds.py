"""What the document says about an endpoint's fields is what they are checked for."""

from typing import Any

import jsonschema_rs
import pytest

from gateway.schemas.webhooks.endpoints.bodies import EndpointChange, EndpointIn
from kernel.errors import FieldError
from kernel.ids import NIL
from webhooks.endpoints.checks.fields import check_fields
from webhooks.endpoints.checks.headers import check_headers_together
from webhooks.endpoints.model import Rate
from webhooks.endpoints.requests import EndpointRules
from webhooks.filters.expression import compile_filter

RULES = EndpointRules()
URL = "https://shop.example.com/"


@pytest.mark.parametrize("body", [EndpointIn, EndpointChange])
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("url", [URL, URL + "a" * (2048 - len(URL))], [URL + "a" * (2049 - len(URL))]),
        ("description", ["", "a" * 500], ["a" * 501]),
        ("event_types", [["*"]], [[]]),
        ("merchant_ids", [[], [str(NIL)]], [[str(NIL)] * 2, [str(number) for number in range(101)]]),
        ("headers", [{f"x-{n}": "" for n in range(20)}], [{f"x-{n}": "" for n in range(21)}]),
        ("metadata", [{f"{n}": "a" * 500 for n in range(20)}], [{f"{n}": "" for n in range(21)}, {"a": "a" * 501}]),
        ("signatures", [["v1"], ["v1", "v1a"]], [[], ["v1", "v1"]]),
        ("concurrency", [1, 100], [0, 101]),
        ("weight", [1, 100], [0, 101]),
        ("schedule_seconds", [[0], [86_400], [1] * 20], [[], [86_401], [-1], [1] * 21]),
    ],
)
def test_bounds_agree(body: type[EndpointIn | EndpointChange], name: str, good: list[Any], bad: list[Any]) -> None:
    """Values at a bound are good by both, values beyond it by neither."""
    validator = jsonschema_rs.validator_for(body.model_json_schema())
    for value in (*good, *bad):
        said = validator.is_valid({"url": URL, name: value})
        assert said is (value in good), value
        assert (_wrong(name, value) == []) is said, value


def test_secret_headers_count_too() -> None:
    """Those of a new endpoint; a change may name more, for it can remove some."""
    validator = jsonschema_rs.validator_for(EndpointIn.model_json_schema())
    for count, is_good in ((20, True), (21, False)):
        headers = {f"x-{number}": "" for number in range(count)}
        assert validator.is_valid({"url": URL, "secret_headers": headers}) is is_good
        assert (check_headers_together({}, headers) == []) is is_good


def _wrong(name: str, value: Any) -> list[FieldError]:
    together = check_headers_together(value, {}) if name == "headers" else []
    return check_fields({name: value}, RULES) + together


@pytest.mark.parametrize(
    ("per_second", "burst", "is_good"),
    [(0.01, 1, True), (10_000, 10_000, True), (0.009, 1, False), (10_001, 1, False), (1, 0, False), (1, 10_001, False)],
)
def test_bounds_of_rates_agree(per_second: float, burst: int, is_good: bool) -> None:  # noqa: FBT001 - one of a set
    """The same of a rate's members."""
    validator = jsonschema_rs.validator_for(EndpointIn.model_json_schema())
    assert validator.is_valid({"url": URL, "rate": {"per_second": per_second, "burst": burst}}) is is_good
    assert (check_fields({"rate": Rate(per_second=per_second, burst=burst)}, RULES) == []) is is_good


def test_the_bound_of_filters_agrees() -> None:
    """A filter of 1024 characters is one, a longer one is none."""
    validator = jsonschema_rs.validator_for(EndpointIn.model_json_schema())
    for length, is_good in ((1024, True), (1025, False)):
        text = "a" * length
        assert validator.is_valid({"url": URL, "filter": text}) is is_good
        if is_good:
            compile_filter(text)
        else:
            with pytest.raises(ValueError, match="1024"):
                compile_filter(text)
