"""What an endpoint is after a request: pure decisions, applied by the service under the row's lock."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from webhooks.endpoints.model import Endpoint, EndpointSettings, Hearing, Pace, Standing
from webhooks.endpoints.requests import EndpointDraft
from webhooks.states import EndpointState

_OWNER = "owner"
_SETTINGS = ("url", "description", "metadata")
_HEARING = ("event_types", "merchant_ids", "filter", "payload")
_PACE = ("ordered", "concurrency", "weight", "rate", "schedule_seconds")
# Sequences of a request become the model's tuples.
_TUPLES = frozenset({"event_types", "merchant_ids", "schedule_seconds", "signatures"})


def drafted_settings(draft: EndpointDraft) -> EndpointSettings:
    """What is sealed of a new endpoint."""
    return EndpointSettings(
        url=draft.url,
        description=draft.description,
        metadata=draft.metadata,
        headers={**draft.headers, **draft.secret_headers},
        secret_headers=tuple(draft.secret_headers),
    )


def drafted_hearing(draft: EndpointDraft) -> Hearing:
    """What a new endpoint hears."""
    return Hearing(**_values(draft.given(), _HEARING))


def drafted_pace(draft: EndpointDraft) -> Pace:
    """How fast a new endpoint is sent to."""
    return Pace(**_values(draft.given(), _PACE))


def drafted_standing(draft: EndpointDraft) -> Standing:
    """A new endpoint is enabled, unless its receiver has something to prove first."""
    state = EndpointState.UNPROVEN if draft.is_challenged else EndpointState.ENABLED
    return Standing(state=state, is_challenged=draft.is_challenged)


def patched(endpoint: Endpoint, given: Mapping[str, Any], now: datetime) -> Endpoint:
    """The endpoint with what a patch gives, but for its client certificate."""
    return replace(
        endpoint,
        settings=_settings(endpoint.settings, given),
        hearing=replace(endpoint.hearing, **_values(given, _HEARING)),
        pace=replace(endpoint.pace, **_values(given, _PACE)),
        standing=_standing(endpoint, given, now),
        signatures=tuple(given.get("signatures", endpoint.signatures)),
    )


def is_fresh_start(before: Endpoint, after: Endpoint) -> bool:
    """Whether what is remembered of failures says nothing any more: another URL, or enabled again."""
    was_off = before.state is EndpointState.DISABLED and after.state is not EndpointState.DISABLED
    return was_off or before.settings.url != after.settings.url


def parted_headers(settings: EndpointSettings, given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Plain and secret headers after a patch. A secret one that is given None goes."""
    plain = dict(given.get("headers", settings.plain_headers))
    secret: dict[str, str | None] = {name: settings.headers[name] for name in settings.secret_headers}
    for name, value in given.get("secret_headers", {}).items():
        known = next((one for one in secret if one.lower() == name.lower()), name)
        secret.pop(known, None)
        secret[name] = value
    return plain, {name: value for name, value in secret.items() if value is not None}


def _settings(settings: EndpointSettings, given: Mapping[str, Any]) -> EndpointSettings:
    plain, secret = parted_headers(settings, given)
    return replace(settings, **_values(given, _SETTINGS), headers={**plain, **secret}, secret_headers=tuple(secret))


def _standing(endpoint: Endpoint, given: Mapping[str, Any], now: datetime) -> Standing:
    """Another URL has proven nothing; whoever is not to be challenged need not prove anything."""
    before = endpoint.standing
    is_challenged = given.get("is_challenged", before.is_challenged)
    is_moved = given.get("url", endpoint.settings.url) != endpoint.settings.url
    proven_at = before.proven_at if is_challenged and not is_moved else None
    is_off = given.get("state", before.state) == EndpointState.DISABLED
    is_kept_off = is_off and before.state is EndpointState.DISABLED
    return replace(
        before,
        state=_state(is_off=is_off, is_unproven=is_challenged and proven_at is None),
        state_reason=(before.state_reason if is_kept_off else _OWNER) if is_off else None,
        disabled_at=(before.disabled_at if is_kept_off else now) if is_off else None,
        is_challenged=is_challenged,
        proven_at=proven_at,
    )


def _state(*, is_off: bool, is_unproven: bool) -> EndpointState:
    if is_off:
        return EndpointState.DISABLED
    return EndpointState.UNPROVEN if is_unproven else EndpointState.ENABLED


def _values(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the names that are given."""
    return {name: _frozen(name, given[name]) for name in names if name in given}


def _frozen(name: str, value: Any) -> Any:
    return tuple(value) if name in _TUPLES and value is not None else value
