"""The sections about webhooks, one type each; defaults and dangers stand in defaults.toml."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.sections.general import Count, Network, ProxyUrl, Seconds, Section, Share


class WebhookSettings(Section):
    """Queue, dispatcher and sender."""

    transport: Literal["lean", "aiohttp"]
    egress_proxy_url: ProxyUrl
    retry_delays_seconds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    jitter_share: Share
    jitter_seconds_max: Annotated[int, Field(ge=0)]
    delivery_age_seconds_max: Count
    total_timeout_seconds: Seconds
    response_body_bytes_max: Count
    response_head_bytes_max: Count
    keep_alive_seconds: Seconds
    dns_cache_seconds: Count
    dns_threads: Count
    retry_after_seconds_max: Count
    private_destinations: tuple[Network, ...]
    plain_http_allowed: bool
    endpoints_max: Count
    merchant_endpoints_max: Count
    event_types_max: Count
    filter_microseconds_max: Count
    challenge_timeout_seconds: Seconds
    challenges_running_max: Count
    secret_overlap_seconds: Count
    signing_seconds: Seconds
    attempts_running_max: Count
    claim_batch: Count
    lane_cap: Count
    lane_window: Count
    queue_shards: Annotated[int, Field(ge=1, le=64)]
    horizon_seconds: Count
    enqueue_wait_seconds: Seconds
    enqueue_calls_max: Count
    reconcile_interval_seconds: Annotated[float, Field(gt=0, le=60)]
    reconcile_quota: Count

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if sum(self.retry_delays_seconds) > self.delivery_age_seconds_max:
            raise ValueError("delivery_age_seconds_max must not end before retry_delays_seconds do")
        if self.egress_proxy_url.reveal() and self.transport != "lean":
            raise ValueError("egress_proxy_url needs the transport lean")
        return self


class HealthSettings(Section):
    """When an endpoint's trouble holds it, is told, and ends it."""

    hold_after_failures: Count
    probe_seconds_min: Count
    probe_seconds_max: Count
    failing_warn_after_seconds: tuple[Count, ...]
    failing_disable_after_seconds: Count
    failing_disable_deliveries: Count
    certificate_warn_days: tuple[Count, ...]
    watch_interval_seconds: Seconds

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.probe_seconds_min > self.probe_seconds_max:
            raise ValueError("probe_seconds_min must not exceed probe_seconds_max")
        if any(seconds >= self.failing_disable_after_seconds for seconds in self.failing_warn_after_seconds):
            raise ValueError("failing_warn_after_seconds must come before failing_disable_after_seconds")
        return self


class ReplaySettings(Section):
    """Replays."""

    rate_per_second: Annotated[float, Field(ge=0.1, allow_inf_nan=False)]
    rate_per_second_max: Annotated[float, Field(ge=0.1, allow_inf_nan=False)]
    running_max: Count
    interval_seconds: Seconds

    @model_validator(mode="after")
    def _rates_fit(self) -> Self:
        if self.rate_per_second > self.rate_per_second_max:
            raise ValueError("rate_per_second must not exceed rate_per_second_max")
        return self
