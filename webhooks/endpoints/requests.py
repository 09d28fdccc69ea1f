"""What a caller may say about an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from kernel.masked import Secret
from webhooks.endpoints.model import Rate
from webhooks.endpoints.patterns import EVERYTHING
from webhooks.endpoints.urls import UrlRules
from webhooks.states import EndpointState, PayloadForm, SignatureScheme


class Kept(Enum):
    """Stands where a change says nothing about a field, since None clears one."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT
OVERLAP_MAX = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRules:
    """Caps.

    `endpoints_max` is for a partner's environment, `merchant_endpoints_max` for each merchant in it. An endpoint's own
    schedule must end within `age_max`. A filter may take `filter_microseconds_max` on a large body. Dispatchers sign
    with keys for `signing_seconds` after they read them.
    """

    urls: UrlRules = field(default_factory=UrlRules)
    endpoints_max: int = 1_000
    merchant_endpoints_max: int = 50
    patterns_max: int = 100
    overlap_default: timedelta = timedelta(hours=24)
    overlap_max: timedelta = OVERLAP_MAX
    signing_seconds: float = 0
    age_max: timedelta = timedelta(days=5)
    filter_microseconds_max: float = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A client certificate as PEM: a chain, the endpoint's own certificate first, and its unencrypted key."""

    chain: str
    private_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDraft:
    """A new endpoint. Without `merchant_id` it belongs to the partner itself.

    `merchant_ids` are those that a partner's own endpoint hears of (none: all). `headers` may be shown to its owner,
    values of `secret_headers` never are. `secret` is the owner's own v1 secret. With `is_challenged` it hears nothing
    until its receiver has answered the ownership challenge.
    """

    url: str
    event_types: Sequence[str] = (EVERYTHING,)
    merchant_id: UUID | None = None
    merchant_ids: Sequence[UUID] = ()
    filter: str | None = None
    payload: PayloadForm = PayloadForm.FULL
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    signatures: Sequence[SignatureScheme] = (SignatureScheme.V1,)
    ordered: bool = False
    concurrency: int = 10
    weight: int = 1
    rate: Rate | None = None
    schedule_seconds: Sequence[int] | None = None
    is_challenged: bool = False
    client_certificate: CertificateRequest | None = None
    secret: Secret | None = None

    def given(self) -> dict[str, Any]:
        """Every field by its name."""
        return _fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPatch:
    """Changes; a field that is KEPT stays as it is, and None clears those that may be empty.

    `secret_headers` change one by one, as nobody can read them to send them again: a text is set, None removes the
    header. All other fields are replaced. `state` may be enabled or disabled.
    """

    url: str | Kept = KEPT
    event_types: Sequence[str] | Kept = KEPT
    merchant_ids: Sequence[UUID] | Kept = KEPT
    filter: str | Kept | None = KEPT
    payload: PayloadForm | Kept = KEPT
    description: str | Kept = KEPT
    metadata: Mapping[str, str] | Kept = KEPT
    headers: Mapping[str, str] | Kept = KEPT
    secret_headers: Mapping[str, str | None] | Kept = KEPT
    signatures: Sequence[SignatureScheme] | Kept = KEPT
    ordered: bool | Kept = KEPT
    concurrency: int | Kept = KEPT
    weight: int | Kept = KEPT
    rate: Rate | Kept | None = KEPT
    schedule_seconds: Sequence[int] | Kept | None = KEPT
    is_challenged: bool | Kept = KEPT
    client_certificate: CertificateRequest | Kept | None = KEPT
    state: EndpointState | Kept = KEPT

    def given(self) -> dict[str, Any]:
        """The fields that change, by their names."""
        return {name: value for name, value in _fields(self).items() if value is not KEPT}


# What the checks take: both say which fields they give.
EndpointRequest: TypeAlias = EndpointDraft | EndpointPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How to replace a key: by a new random one, or for v1 by the caller's own; without `overlap` the default holds.

    `is_oldest_dropped` ends an earlier overlap that still lasts.
    """

    scheme: SignatureScheme = SignatureScheme.V1
    secret: Secret | None = None
    overlap: timedelta | None = None
    is_oldest_dropped: bool = False


def _fields(request: EndpointRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__dataclass_fields__}
