"""What a caller may say about an endpoint, checked: all wrong fields at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from kernel.errors import FieldError, Invalid
from kernel.masked import Secret
from webhooks.endpoints.patterns import EVERYTHING, is_pattern
from webhooks.endpoints.urls import UrlRules, check_url
from webhooks.sending.sender import is_reserved
from webhooks.sending.signing import key_of
from webhooks.states import EndpointState

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,1024}")
_DESCRIPTION_LENGTH_MAX = 500
_METADATA_LENGTH_MAX = 500
_ENTRIES_MAX = 20
_CONCURRENCY_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRules:
    """Caps. `endpoints_max` is per merchant, and for the partner's own endpoints without a merchant."""

    urls: UrlRules = field(default_factory=UrlRules)
    endpoints_max: int = 50
    patterns_max: int = 100
    overlap_default: timedelta = timedelta(hours=24)
    overlap_max: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDraft:
    """A new endpoint. Without `merchant_id` it hears about all of the partner's merchants."""

    url: str
    event_types: Sequence[str] = (EVERYTHING,)
    merchant_id: UUID | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = False
    concurrency: int = 10
    secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPatch:
    """Changes; None leaves a field as it is. `state` may be enabled or disabled."""

    url: str | None = None
    event_types: Sequence[str] | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    ordered: bool | None = None
    concurrency: int | None = None
    state: EndpointState | None = None

    def changed(self) -> list[str]:
        """The names of the fields that are given."""
        return [name for name in self.__dataclass_fields__ if getattr(self, name) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How to replace a secret: by the caller's own or a new random one; without `overlap` the default holds.

    `is_oldest_dropped` ends an earlier overlap that still lasts.
    """

    secret: Secret | None = None
    overlap: timedelta | None = None
    is_oldest_dropped: bool = False


def check_draft(draft: EndpointDraft, rules: EndpointRules) -> None:
    """Raises Invalid with every wrong field."""
    errors = _check_fields(draft, rules)
    if draft.secret is not None:
        errors += check_secret(draft.secret)
    _raise(errors)


def check_patch(patch: EndpointPatch, rules: EndpointRules) -> None:
    """Raises Invalid with every wrong field."""
    errors = _check_fields(patch, rules)
    if patch.state is EndpointState.DELETED:
        errors.append(_error("/state", "state_invalid", "must be enabled or disabled"))
    _raise(errors)


def check_rotation(rotation: Rotation, rules: EndpointRules) -> None:
    """Raises Invalid for an overlap out of range or a secret of another form."""
    errors = check_secret(rotation.secret) if rotation.secret is not None else []
    if rotation.overlap is not None and not timedelta(0) <= rotation.overlap <= rules.overlap_max:
        message = f"must be 0 to {int(rules.overlap_max.total_seconds())} seconds"
        errors.append(_error("/overlap_seconds", "out_of_range", message))
    _raise(errors)


def check_secret(secret: Secret) -> list[FieldError]:
    """What is wrong with a caller's own secret."""
    try:
        key_of(secret)
    except ValueError:
        return [_error("/secret", "secret_invalid", "must be whsec_ and 24 to 64 bytes in base64")]
    return []


def _check_fields(given: EndpointDraft | EndpointPatch, rules: EndpointRules) -> list[FieldError]:
    errors = check_url(given.url, rules.urls) if given.url is not None else []
    errors += _check_types(given.event_types, rules) if given.event_types is not None else []
    errors += _check_headers(given.headers or {})
    errors += _check_metadata(given.metadata or {})
    if not _is_text(given.description or "", _DESCRIPTION_LENGTH_MAX):
        errors.append(
            _error("/description", "length", f"must have {_DESCRIPTION_LENGTH_MAX} characters at most, no NUL")
        )
    if given.concurrency is not None and not 1 <= given.concurrency <= _CONCURRENCY_MAX:
        errors.append(_error("/concurrency", "out_of_range", f"must be 1 to {_CONCURRENCY_MAX}"))
    return errors


def _check_types(patterns: Sequence[str], rules: EndpointRules) -> list[FieldError]:
    if not 1 <= len(patterns) <= rules.patterns_max:
        return [_error("/event_types", "count", f"must hold 1 to {rules.patterns_max} event types")]
    message = "must be an event type, the beginning of one with .*, or *"
    return [
        _error(f"/event_types/{number}", "event_type_invalid", message)
        for number, pattern in enumerate(patterns)
        if not is_pattern(pattern)
    ]


def _check_headers(headers: Mapping[str, str]) -> list[FieldError]:
    """Names and values go into errors by number only: they are the caller's words."""
    errors = [] if len(headers) <= _ENTRIES_MAX else [_error("/headers", "count", f"must be {_ENTRIES_MAX} at most")]
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            message = "names must be tokens of 64 characters at most, values 1024 printable ASCII characters at most"
            return [*errors, _error("/headers", "header_invalid", message)]
        if is_reserved(name):
            message = "must not set headers that Threadneedle or HTTP itself sets"
            return [*errors, _error("/headers", "header_reserved", message)]
    return errors


def _check_metadata(metadata: Mapping[str, str]) -> list[FieldError]:
    if len(metadata) > _ENTRIES_MAX:
        return [_error("/metadata", "count", f"must have {_ENTRIES_MAX} entries at most")]
    if not all(_is_text(text, _METADATA_LENGTH_MAX) for entry in metadata.items() for text in entry):
        message = f"names and values must have {_METADATA_LENGTH_MAX} characters at most, no NUL"
        return [_error("/metadata", "length", message)]
    return []


def _is_text(text: str, length_max: int) -> bool:
    return len(text) <= length_max and "\0" not in text


def _error(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise Invalid(errors, "The endpoint has fields that are not valid.")
