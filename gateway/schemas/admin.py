"""The admin API on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from gateway.oauth.scopes import Scope
from gateway.schemas.pages import PageQuery
from gateway.schemas.payments import BankHealthOut, BankId, PaymentOut
from gateway.schemas.types import Flag, Name, Request, Response, Time, given, wrong


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise wrong("format", "Expected printable characters.")
    return text


def _scope(text: str) -> str:
    if text not in {scope.value for scope in Scope}:
        raise wrong("unknown_value", f"Expected one of: {', '.join(Scope)}.")
    return text


# A certificate in PEM, with its chain.
_OPTION_LENGTH_MAX = 20_000
Title = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
AuditText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
EnvironmentName = Literal["test", "live"]
ScopeName = Annotated[str, AfterValidator(_scope), WithJsonSchema({"type": "string", "enum": [*Scope]})]
Scopes = Annotated[list[ScopeName], Field(min_length=1, max_length=20)]
Tier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


def _secrets(value: Any) -> dict[str, str]:
    """Checked as a whole, so that no error names or shows anything of it."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise wrong("format", "Expected an object whose values are texts.")
    return value


Secrets = Annotated[
    dict[str, str],
    BeforeValidator(_secrets),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}, "writeOnly": True}),
]


def _secrets_anew(value: Any) -> dict[str, str | None]:
    if not isinstance(value, dict) or not all(text is None or isinstance(text, str) for text in value.values()):
        raise wrong("format", "Expected an object whose values are texts, or null for a secret to drop.")
    return value


SecretsAnew = Annotated[
    dict[str, str | None],
    BeforeValidator(_secrets_anew),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "null"]}, "writeOnly": True}),
]


def _options(value: Any) -> dict[str, str]:
    texts = list(value.values()) if isinstance(value, dict) else [None]
    if not all(isinstance(text, str) and len(text) <= _OPTION_LENGTH_MAX for text in texts):
        raise wrong("format", f"Expected an object whose values are texts of at most {_OPTION_LENGTH_MAX} characters.")
    return value  # type: ignore[no-any-return]


Options = Annotated[
    dict[str, str],
    BeforeValidator(_options),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string", "maxLength": _OPTION_LENGTH_MAX}}),
]


class PartnerIn(Request):
    """A partner to serve."""

    name: Title
    tier: Tier = "standard"


class PartnerOut(Response):
    """A partner; it has a test and a live environment."""

    id: str
    object: Literal["partner"]
    name: str
    tier: str
    state: str
    created_at: datetime


class MerchantIn(Request):
    """A merchant of a partner."""

    name: Name
    environment: EnvironmentName


class MerchantOut(Response):
    """A merchant; its name is shown masked, or null once its data were erased."""

    id: str
    object: Literal["merchant"]
    partner_id: str
    environment: EnvironmentName
    name: str | None
    state: str
    created_at: datetime


class BankSettingsIn(Request):
    """How a bank is reached. Sealed; the secrets are never shown again."""

    base_url: Annotated[str, Field(min_length=8, max_length=2048)]
    secrets: Secrets = Field(default_factory=dict)
    options: Options = Field(default_factory=dict)


class BankSettingsAnew(Request):
    """The whole settings of a bank anew: what is left out of the options is gone.

    Each secret that the bank has is named: with its text, or with null to drop it.
    """

    base_url: Annotated[str, Field(min_length=8, max_length=2048)]
    secrets: SecretsAnew = Field(default_factory=dict)
    options: Options = Field(default_factory=dict)


class BankIn(Request):
    """A bank to pay through: one configured instance of an adapter."""

    id: BankId
    adapter: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    environment: EnvironmentName
    name: Title
    settings: BankSettingsIn


class BankChange(Request):
    """What is to be different of a bank."""

    name: Title | None = None
    settings: BankSettingsAnew | None = None

    _given = field_validator("*", mode="before")(given)


class AdminBankOut(Response):
    """A configured bank, and how it fares; its settings are not shown."""

    id: str
    object: Literal["bank"]
    adapter: str
    environment: EnvironmentName
    name: str
    state: str
    version: int
    created_at: datetime
    health: BankHealthOut


class EvidenceIn(Request):
    """What one person saw in the bank's books; it counts once another has confirmed it.

    `not_found` says that the bank never had the payment. `bank_reference` is the bank's own id of what was seen.
    """

    verdict: Literal["accepted", "settled", "completed", "returned", "rejected", "cancelled", "not_found"]
    bank_reference: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:/+=~-]+$")] | None = None
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class _Proposal(Response):
    id: str
    object: Literal["proposal"]
    payment_id: str
    verdict: str
    bank_reference: str | None
    state: Literal["open", "replaced", "confirmed"]
    proposed_by: str
    proposed_at: datetime


class ProposalOut(_Proposal):
    """Evidence that waits for a second person. `replaces` is the open proposal whose place it takes."""

    replaces: str | None


class ProposalShown(_Proposal):
    """A proposal with what a second person must know; without `note` its text was erased."""

    note: str | None
    confirmed_by: str | None
    confirmed_at: datetime | None


def _waiting_only(value: bool) -> bool:  # noqa: FBT001 - pydantic gives it
    if not value:
        raise wrong("not_supported", "Over all partners only true; list the others by partner and environment.")
    return value


class WaitingQuery(PageQuery):
    """Only payments that need an operator can be listed over all partners."""

    needs_operator: Annotated[
        Flag, AfterValidator(_waiting_only), WithJsonSchema({"type": "boolean", "enum": [True]})
    ] = True


class WaitingOut(PaymentOut):
    """A payment that waits for two persons, whose it is, and why it waits.

    At `exchanges_url` of this API stands what was said with its banks.
    """

    partner_id: str
    needs_operator: list[str]
    exchanges_url: str


class AuditQuery(PageQuery):
    """Which changes: of an actor, of a target, of an action, all as they stand in the log, and from a time on."""

    actor: AuditText | None = None
    target: AuditText | None = None
    action: AuditText | None = None
    since: Time | None = None


class AuditOut(Response):
    """One admin change. `position` and `hash` (SHA-256, hexadecimal) are its place in the chain, null until then."""

    id: str
    at: datetime
    partner_id: str | None
    actor: str
    action: str
    target: str
    request_id: str
    detail: dict[str, Any]
    position: int | None
    hash: str | None
