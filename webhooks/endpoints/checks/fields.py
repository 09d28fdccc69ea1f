"""Each field of an endpoint by itself. A table says which function looks at which field."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernel.errors import FieldError
from webhooks.endpoints.checks.headers import check_header_map
from webhooks.endpoints.model import Rate
from webhooks.endpoints.patterns import is_pattern
from webhooks.endpoints.requests import EndpointRules
from webhooks.endpoints.urls import check_url
from webhooks.states import EndpointState

DESCRIPTION_LENGTH_MAX = 500
METADATA_LENGTH_MAX = 500
ENTRIES_MAX = 20
CONCURRENCY_MAX = 100
WEIGHT_MAX = 100
RATE_MIN = 0.01
RATE_MAX = 10_000
MERCHANTS_MAX = 100
TRIES_MAX = 20
DELAY_SECONDS_MAX = 86_400

Check = Callable[[Any, EndpointRules], list[FieldError]]


def check_fields(given: Mapping[str, Any], rules: EndpointRules) -> list[FieldError]:
    """What is wrong with the fields that are given and not empty, in the order of the table."""
    return [
        error for name, check in _CHECKS.items() if given.get(name) is not None for error in check(given[name], rules)
    ]


def error(pointer: str, code: str, message: str) -> FieldError:
    """One wrong field."""
    return FieldError(pointer=pointer, code=code, message=message)


def _url(url: str, rules: EndpointRules) -> list[FieldError]:
    return check_url(url, rules.urls)


def _types(patterns: Sequence[str], rules: EndpointRules) -> list[FieldError]:
    if not 1 <= len(patterns) <= rules.patterns_max:
        return [error("/event_types", "count", f"must hold 1 to {rules.patterns_max} event types")]
    message = "must be an event type, the beginning of one with .*, or *"
    return [
        error(f"/event_types/{number}", "event_type_invalid", message)
        for number, pattern in enumerate(patterns)
        if not is_pattern(pattern)
    ]


def _merchants(merchant_ids: Sequence[Any], _rules: EndpointRules) -> list[FieldError]:
    if len(merchant_ids) > MERCHANTS_MAX:
        return [error("/merchant_ids", "count", f"must hold {MERCHANTS_MAX} merchants at most")]
    if len(set(merchant_ids)) < len(merchant_ids):
        return [error("/merchant_ids", "repeated", "must name each merchant once")]
    return []


def _headers(headers: Mapping[str, str], _rules: EndpointRules) -> list[FieldError]:
    return check_header_map(headers, "/headers")


def _secret_headers(headers: Mapping[str, str | None], _rules: EndpointRules) -> list[FieldError]:
    return check_header_map(headers, "/secret_headers")


def _metadata(metadata: Mapping[str, str], _rules: EndpointRules) -> list[FieldError]:
    if len(metadata) > ENTRIES_MAX:
        return [error("/metadata", "count", f"must have {ENTRIES_MAX} entries at most")]
    if not all(_is_text(text, METADATA_LENGTH_MAX) for entry in metadata.items() for text in entry):
        message = f"names and values must have {METADATA_LENGTH_MAX} characters at most, no NUL"
        return [error("/metadata", "length", message)]
    return []


def _description(text: str, _rules: EndpointRules) -> list[FieldError]:
    if _is_text(text, DESCRIPTION_LENGTH_MAX):
        return []
    return [error("/description", "length", f"must have {DESCRIPTION_LENGTH_MAX} characters at most, no NUL")]


def _signatures(schemes: Sequence[Any], _rules: EndpointRules) -> list[FieldError]:
    if schemes and len(set(schemes)) == len(schemes):
        return []
    return [error("/signatures", "count", "must hold v1, v1a or both, each once")]


def _concurrency(value: int, _rules: EndpointRules) -> list[FieldError]:
    return _within(value, 1, CONCURRENCY_MAX, "/concurrency")


def _weight(value: int, _rules: EndpointRules) -> list[FieldError]:
    return _within(value, 1, WEIGHT_MAX, "/weight")


def _rate(rate: Rate, _rules: EndpointRules) -> list[FieldError]:
    errors = [] if math.isfinite(rate.per_second) else [error("/rate/per_second", "out_of_range", "must be a number")]
    return (errors or _within(rate.per_second, RATE_MIN, RATE_MAX, "/rate/per_second")) + _within(
        rate.burst, 1, RATE_MAX, "/rate/burst"
    )


def _schedule(delays: Sequence[int], rules: EndpointRules) -> list[FieldError]:
    if not 1 <= len(delays) <= TRIES_MAX:
        return [error("/schedule_seconds", "count", f"must hold 1 to {TRIES_MAX} waits")]
    errors = [
        wrong
        for number, delay in enumerate(delays)
        for wrong in _within(delay, 0, DELAY_SECONDS_MAX, f"/schedule_seconds/{number}")
    ]
    age = int(rules.age_max.total_seconds())
    if not errors and sum(delays) > age:
        message = f"must sum to {age} seconds at most, when a delivery is given up"
        return [error("/schedule_seconds", "out_of_range", message)]
    return errors


def _state(state: EndpointState, _rules: EndpointRules) -> list[FieldError]:
    if state in {EndpointState.ENABLED, EndpointState.DISABLED}:
        return []
    return [error("/state", "state_invalid", "must be enabled or disabled")]


def _within(value: float, low: float, high: float, pointer: str) -> list[FieldError]:
    return [] if low <= value <= high else [error(pointer, "out_of_range", f"must be {low} to {high}")]


def _is_text(text: str, length_max: int) -> bool:
    return len(text) <= length_max and "\0" not in text


_CHECKS: Mapping[str, Check] = {
    "url": _url,
    "event_types": _types,
    "merchant_ids": _merchants,
    "headers": _headers,
    "secret_headers": _secret_headers,
    "metadata": _metadata,
    "description": _description,
    "signatures": _signatures,
    "concurrency": _concurrency,
    "weight": _weight,
    "rate": _rate,
    "schedule_seconds": _schedule,
    "state": _state,
}
