"""The sections of the settings, one type each; defaults and dangers stand in defaults.toml."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kernel.masked import Secret

DAY_SECONDS = 86_400
_KEY_SECONDS_MAX = 60
# Others may keep the JWKS for so long (gateway/handlers/oauth.py says so in Cache-Control).
_KEYS_CACHED_SECONDS = 300

Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]


class Section(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _scheme(*schemes: str) -> AfterValidator:
    """An address of one of these schemes, or none yet; the error repeats nothing of it, for it may hold a password."""

    def check(url: Secret) -> Secret:
        if url.reveal() and not url.reveal().startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return AfterValidator(check)


DatabaseUrl = Annotated[Secret, _scheme("postgresql", "postgres")]
RedisUrl = Annotated[Secret, _scheme("redis", "rediss", "unix")]
ResourceUrl = Annotated[str, Field(pattern=r"^https?://[^?#\s]+$")]
ProxyUrl = Annotated[Secret, _scheme("http")]


class DatabaseSettings(Section):
    """PostgreSQL."""

    url: DatabaseUrl
    connections_max: Count
    hot_connections_max: Count
    key_connections_max: Count
    connect_timeout_seconds: Seconds
    acquire_timeout_seconds: Seconds
    statement_timeout_seconds: Seconds
    prepared_statements_max: Annotated[int, Field(ge=0)]
    through_pgbouncer: bool


class RedisSettings(Section):
    """Redis or Valkey."""

    queue_url: RedisUrl
    queue_cluster: bool
    limits_url: RedisUrl
    connections_max: Count
    connection_wait_seconds: Seconds
    connect_timeout_seconds: Seconds
    call_timeout_seconds: Seconds

    @model_validator(mode="after")
    def _limits_have_a_server(self) -> Self:
        if self.queue_cluster and not self.limits_url.reveal():
            raise ValueError("limits_url must name a server of its own where queue_cluster is true")
        return self


class GatewaySettings(Section):
    """The HTTP edge."""

    host: str
    port: Port
    admin_host: str
    admin_port: Port
    processes: Count
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")]
    event_bytes_max: Count
    requests_running_max: Count
    body_bytes_held_max: Count
    loop_lag_seconds_max: Seconds
    request_seconds_max: Seconds
    head_seconds_max: Seconds
    connections_max: Count
    drain_notice_seconds: SecondsOrNone
    drain_seconds: Seconds
    trusted_proxies: tuple[Network, ...]
    client_cert_header: bool
    tls_certificate_file: str
    tls_key_file: str

    @model_validator(mode="after")
    def _certificates_can_be_told(self) -> Self:
        if self.client_cert_header and not self.trusted_proxies:
            raise ValueError("client_cert_header needs trusted_proxies")
        if bool(self.tls_certificate_file) != bool(self.tls_key_file):
            raise ValueError("tls_certificate_file and tls_key_file belong together")
        return self


class OAuthSettings(Section):
    """Tokens, and how clients authenticate."""

    token_lifetime_seconds: Count
    client_secret_post: bool
    client_ca_file: str
    secret_overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY_SECONDS)]
    key_fetch_seconds_max: Seconds
    key_fetches_running_max: Count
    resources: tuple[ResourceUrl, ...]
    dpop_nonce_seconds: Seconds
    signing_key_days: Count
    signing_key_published_seconds: Annotated[int, Field(ge=_KEYS_CACHED_SECONDS)]

    @model_validator(mode="after")
    def _keys_are_published_in_time(self) -> Self:
        if self.signing_key_published_seconds >= self.signing_key_days * DAY_SECONDS:
            raise ValueError("signing_key_published_seconds must be less than signing_key_days")
        return self


class BucketSettings(Section):
    """One token bucket."""

    capacity: Count
    rate_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TierSettings(Section):
    """The limits of a tier: a partner's environment, each of its clients, and those by class of routes."""

    partner: BucketSettings
    client: BucketSettings
    reads: BucketSettings
    money: BucketSettings
    events: BucketSettings
    management: BucketSettings
    concurrency: Count


class LimitSettings(Section):
    """Rate limits."""

    local_share: Share
    money_without_redis: bool
    wait_seconds_max: Seconds
    probe_interval_seconds: Seconds
    lease_seconds: Annotated[float, Field(ge=1, le=60)]
    token_by_address: BucketSettings
    refused_by_address: BucketSettings
    admin: BucketSettings
    tiers: dict[str, TierSettings]

    @model_validator(mode="after")
    def _has_a_standard_tier(self) -> Self:
        if "standard" not in self.tiers:
            raise ValueError("tiers must hold one named standard")
        return self


class CapSettings(Section):
    """Caps of one currency in minor units."""

    payment: Count
    merchant_day: Count
    partner_day: Count


class PaymentSettings(Section):
    """Payments; a bank's own times stand in its adapter's declaration."""

    wait_seconds_default: SecondsOrNone
    wait_seconds_max: SecondsOrNone
    waiting_per_bank_max: Count
    planned_grace_seconds: Seconds
    claim_seconds: Seconds
    sweep_interval_seconds: Seconds
    inbox_interval_seconds: Seconds
    notification_batch: Count
    notification_delays_seconds: Annotated[tuple[Seconds, ...], Field(min_length=1)]
    notification_age_max_seconds: Count
    resubmit_delays_seconds: Annotated[tuple[Seconds, ...], Field(min_length=1)]
    authorisation_seconds: Annotated[float, Field(ge=60, le=30 * DAY_SECONDS)]
    submissions_max: Count
    unsent_age_max_seconds: Count
    unknown_age_max_seconds: Count
    bank_concurrency: Count
    bank_settings_age_seconds_max: Seconds
    caps: dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], CapSettings]

    @model_validator(mode="after")
    def _waits_fit(self) -> Self:
        if self.wait_seconds_default > self.wait_seconds_max:
            raise ValueError("wait_seconds_default must not exceed wait_seconds_max")
        return self


class BankSettings(Section):
    """The engine's bounds for every bank."""

    reply_bytes_max: Count
    calls_running_max: Count
    calls_waiting_max: Count
    call_wait_seconds: Seconds
    failures_max: Count
    open_seconds: Seconds
    retry_after_seconds_max: Seconds


class BatchSettings(Section):
    """Group commit."""

    rows_max: Count
    rows_enough: Count
    waiting_max: Count
    linger_seconds_min: SecondsOrNone
    linger_seconds_max: SecondsOrNone
    retry_seconds_max: Seconds
    writers: Count

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if not self.rows_enough <= self.rows_max <= self.waiting_max:
            raise ValueError("rows_enough must not exceed rows_max, nor rows_max waiting_max")
        if self.linger_seconds_min > self.linger_seconds_max:
            raise ValueError("linger_seconds_min must not exceed linger_seconds_max")
        return self


class KeySettings(Section):
    """Key-encryption keys and the use of data keys."""

    provider: Literal["file", "environment"]
    file: str
    variable: str
    data_key_seconds_max: Annotated[float, Field(gt=0, le=_KEY_SECONDS_MAX)]
    data_keys_max: Count
    rotation_rows_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RetentionSettings(Section):
    """How long things are kept."""

    events_days: Count
    replay_window_days: Count
    event_keys_days: Annotated[int, Field(ge=30)]
    request_keys_days: Count
    manifests_days: Count
    replays_days: Count
    authorisations_days: Count
    consents_days: Count
    consent_exchanges_days: Count
    notifications_days: Count
    payment_exchanges_days: Count
    partition_weeks_ahead: Annotated[int, Field(ge=2, le=52)]
    interval_seconds: Annotated[float, Field(gt=0, le=DAY_SECONDS)]


class WatchSettings(Section):
    """Where the roles without an API show that they live and what they count."""

    host: str
    dispatcher_port: Port
    worker_port: Port


class LoggingSettings(Section):
    """The log."""

    level: Literal["debug", "info", "warning", "error"]
    stream: Literal["stdout", "stderr"]


class RehearsalSettings(Section):
    """What is made wrong on purpose."""

    clock_skew_seconds: Annotated[float, Field(allow_inf_nan=False)]
