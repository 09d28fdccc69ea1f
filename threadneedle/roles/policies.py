"""From settings to the small policies that each room defines for itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from adapters.declaration import Declaration
from adapters.engine import EngineSettings
from adapters.engine.guards import BreakerPolicy, BulkheadPolicy
from config.sections import (
    DAY_SECONDS,
    BatchSettings,
    BucketSettings,
    GatewaySettings,
    LimitSettings,
    PaymentSettings,
)
from config.sections.webhooks import HealthSettings, WebhookSettings
from config.settings import Settings
from gateway.handlers.prefer import WaitPolicy
from gateway.limits.gcra import Bucket
from gateway.limits.policy import BUCKET_NAMES, LimitPolicy, Tier
from gateway.oauth.clients.methods import MethodPolicy
from gateway.oauth.clients.registration import RegistrationRules
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.overload.connections import ConnectionBounds
from gateway.overload.shedding import Bounds
from kernel.batcher import BatchPolicy
from kernel.sealing import VaultPolicy
from payments.policy import Caps, PaymentsPolicy
from webhooks.dispatch.policy import DispatchPolicy, RetryPolicy
from webhooks.endpoints.requests import EndpointRules
from webhooks.endpoints.urls import UrlRules
from webhooks.health.model import HealthPolicy, HoldPolicy
from webhooks.queue.port import QueuePolicy
from webhooks.reconciler.model import ReconcilerPolicy
from webhooks.replays.model import ReplayRules
from webhooks.sending.destination import AllowList
from webhooks.sending.dialing.tunnel import EgressProxy
from webhooks.sending.schedule import Schedule
from webhooks.sending.sender import SendPolicy
from webhooks.sending.transport import TransportPolicy
from webhooks.sending.verdict import VerdictPolicy

# A process that stalls for a while does not lose its claims at once.
_LEASE_SPARE = 1.5


def vault_policy(settings: Settings) -> VaultPolicy:
    """How long data keys are used."""
    return VaultPolicy(key_seconds_max=settings.keys.data_key_seconds_max, keys_max=settings.keys.data_keys_max)


def batch_policy(settings: BatchSettings) -> BatchPolicy:
    """Group commit."""
    return BatchPolicy(**settings.model_dump())


def results_policy(settings: BatchSettings) -> BatchPolicy:
    """Group commit of results: the recorder gathers them itself, so that they wait once."""
    return replace(batch_policy(settings), linger_seconds_min=0, linger_seconds_max=0)


def health_policy(settings: HealthSettings) -> HealthPolicy:
    """When lanes are held, and when an endpoint's trouble is told or ends it."""
    return HealthPolicy(
        warn_after=tuple(timedelta(seconds=seconds) for seconds in settings.failing_warn_after_seconds),
        disable_after=timedelta(seconds=settings.failing_disable_after_seconds),
        disable_deliveries=settings.failing_disable_deliveries,
        certificate_warn_before=tuple(timedelta(days=days) for days in settings.certificate_warn_days),
        hold=HoldPolicy(
            failures=settings.hold_after_failures,
            probe_min=timedelta(seconds=settings.probe_seconds_min),
            probe_max=timedelta(seconds=settings.probe_seconds_max),
        ),
    )


def queue_policy(settings: WebhookSettings) -> QueuePolicy:
    """The lanes. A lease is made of what it must outlast, so no setting can make it end before its result is told."""
    return QueuePolicy(
        lease_seconds=dispatch_policy(settings).lease_seconds_min * _LEASE_SPARE,
        lane_cap=settings.lane_cap,
        lane_window=settings.lane_window,
        horizon_seconds=settings.horizon_seconds,
    )


def dispatch_policy(settings: WebhookSettings) -> DispatchPolicy:
    """The dispatcher."""
    schedule = Schedule(
        delays_seconds=settings.retry_delays_seconds,
        jitter_share=settings.jitter_share,
        jitter_seconds_max=settings.jitter_seconds_max,
    )
    return DispatchPolicy(
        retry=RetryPolicy(schedule=schedule, age_max=timedelta(seconds=settings.delivery_age_seconds_max)),
        claim_max=settings.claim_batch,
        in_flight_max=settings.attempts_running_max,
        signing_seconds=settings.signing_seconds,
        send_seconds=settings.total_timeout_seconds,
    )


def reconciler_policy(settings: WebhookSettings) -> ReconcilerPolicy:
    """The reconciler."""
    return ReconcilerPolicy(
        walk_seconds=settings.reconcile_interval_seconds,
        horizon_seconds=settings.horizon_seconds,
        probe_seconds=queue_policy(settings).lease_seconds,
        age_max=timedelta(seconds=settings.delivery_age_seconds_max),
        rows_per_lane=settings.reconcile_quota,
        lane_cap=settings.lane_cap,
        lane_window=settings.lane_window,
    )


def replay_rules(settings: Settings) -> ReplayRules:
    """Replays."""
    replays = settings.replays
    return ReplayRules(
        rate_default=replays.rate_per_second,
        rate_max=replays.rate_per_second_max,
        window=timedelta(days=settings.retention.replay_window_days),
        running_max=replays.running_max,
        patterns_max=settings.webhooks.event_types_max,
    )


def allow_list(settings: WebhookSettings) -> AllowList:
    """Private networks that webhooks may go to."""
    return AllowList(networks=settings.private_destinations)


def challenge_policy(settings: WebhookSettings) -> TransportPolicy:
    """An ownership challenge on the wire: its caller waits for it."""
    return replace(transport_policy(settings), total_timeout_seconds=settings.challenge_timeout_seconds)


def egress_proxy(settings: WebhookSettings) -> EgressProxy | None:
    """What webhooks leave through, if not directly. The settings have checked the URL."""
    return EgressProxy.parse(settings.egress_proxy_url) if settings.egress_proxy_url.reveal() else None


def endpoint_rules(settings: WebhookSettings) -> EndpointRules:
    """What endpoints may be."""
    return EndpointRules(
        urls=UrlRules(is_http_allowed=settings.plain_http_allowed, allowed=allow_list(settings)),
        endpoints_max=settings.endpoints_max,
        merchant_endpoints_max=settings.merchant_endpoints_max,
        patterns_max=settings.event_types_max,
        age_max=timedelta(seconds=settings.delivery_age_seconds_max),
        filter_microseconds_max=settings.filter_microseconds_max,
        overlap_default=timedelta(seconds=settings.secret_overlap_seconds),
        signing_seconds=settings.signing_seconds,
    )


def transport_policy(settings: WebhookSettings) -> TransportPolicy:
    """One attempt on the wire."""
    return TransportPolicy(
        total_timeout_seconds=settings.total_timeout_seconds,
        response_body_bytes_max=settings.response_body_bytes_max,
        response_head_bytes_max=settings.response_head_bytes_max,
        keep_alive_seconds=settings.keep_alive_seconds,
        dns_cache_seconds=settings.dns_cache_seconds,
        dns_threads=settings.dns_threads,
    )


def send_policy(settings: WebhookSettings) -> SendPolicy:
    """How far a receiver's wishes are followed."""
    return SendPolicy(verdict=VerdictPolicy(retry_after_seconds_max=settings.retry_after_seconds_max))


def token_policy(settings: Settings) -> TokenPolicy:
    """The authorization server: it names itself, and its API, by the public URL."""
    url = settings.gateway.public_url
    oauth = settings.oauth
    return TokenPolicy(
        issuer=url, audience=url, lifetime_seconds=oauth.token_lifetime_seconds, resources=oauth.resources
    )


def method_policy(settings: Settings) -> MethodPolicy:
    """How clients may authenticate: certificates need somebody who tells them, TLS here or a proxy of ours."""
    gateway, oauth = settings.gateway, settings.oauth
    told = bool(gateway.tls_certificate_file) or gateway.client_cert_header
    return MethodPolicy(
        secret_post=oauth.client_secret_post,
        tls=told and bool(oauth.client_ca_file),
        self_signed_tls=told,
    )


def registration_rules(settings: Settings) -> RegistrationRules:
    """What clients may be registered with; a jwks_uri is held to the rules of webhooks."""
    return RegistrationRules(methods=method_policy(settings), urls=endpoint_rules(settings.webhooks).urls)


def limit_policy(settings: LimitSettings) -> LimitPolicy:
    """Every bucket."""
    tiers = {
        name: Tier(
            buckets={each: _bucket(getattr(tier, each)) for each in BUCKET_NAMES},
            concurrency=tier.concurrency,
        )
        for name, tier in settings.tiers.items()
    }
    return LimitPolicy(
        tiers=tiers,
        token_by_address=_bucket(settings.token_by_address),
        refused_by_address=_bucket(settings.refused_by_address),
        admin=_bucket(settings.admin),
        local_share=settings.local_share,
        money_without_redis=settings.money_without_redis,
        wait_max_seconds=settings.wait_seconds_max,
        probe_interval_seconds=settings.probe_interval_seconds,
        lease_seconds=settings.lease_seconds,
    )


def payments_policy(settings: PaymentSettings, public_url: str) -> PaymentsPolicy:
    """Payments; `public_url` is where payers come back to."""
    caps = {
        currency: Caps(payment_max=cap.payment, merchant_day_max=cap.merchant_day, partner_day_max=cap.partner_day)
        for currency, cap in settings.caps.items()
    }
    return PaymentsPolicy(
        planned_grace_seconds=settings.planned_grace_seconds,
        claim_seconds=settings.claim_seconds,
        resubmit_delays_seconds=settings.resubmit_delays_seconds,
        submissions_max=settings.submissions_max,
        unsent_age_max_seconds=settings.unsent_age_max_seconds,
        unknown_age_max_seconds=settings.unknown_age_max_seconds,
        bank_concurrency=settings.bank_concurrency,
        waiting_per_bank_max=settings.waiting_per_bank_max,
        notification_delays_seconds=settings.notification_delays_seconds,
        notification_age_max_seconds=settings.notification_age_max_seconds,
        notification_batch=settings.notification_batch,
        bank_settings_age_max_seconds=settings.bank_settings_age_seconds_max,
        authorisation_seconds=settings.authorisation_seconds,
        public_url=public_url,
        caps=caps,
    )


def wait_policy(settings: PaymentSettings) -> WaitPolicy:
    """How long payment requests wait for a bank."""
    return WaitPolicy(default_seconds=settings.wait_seconds_default, max_seconds=settings.wait_seconds_max)


def overload_bounds(settings: GatewaySettings) -> Bounds:
    """What one gateway process works on at most."""
    return Bounds(
        running_max=settings.requests_running_max,
        body_bytes_max=settings.body_bytes_held_max,
        lag_seconds_max=settings.loop_lag_seconds_max,
    )


def connection_bounds(settings: GatewaySettings) -> ConnectionBounds:
    """What callers' connections may cost."""
    return ConnectionBounds(connections_max=settings.connections_max, head_seconds_max=settings.head_seconds_max)


def engine_settings(settings: Settings) -> EngineSettings:
    """Calls to banks."""
    banks = settings.banks
    return EngineSettings(
        reply_bytes_max=banks.reply_bytes_max,
        bulkhead=BulkheadPolicy(
            running_max=banks.calls_running_max,
            waiting_max=banks.calls_waiting_max,
            wait_seconds=banks.call_wait_seconds,
        ),
        breaker=BreakerPolicy(
            failures_max=banks.failures_max,
            open_seconds=banks.open_seconds,
            retry_after_seconds_max=banks.retry_after_seconds_max,
        ),
    )


def _bucket(settings: BucketSettings) -> Bucket:
    return Bucket(capacity=settings.capacity, rate_per_second=settings.rate_per_second)


def key_retention_problems(settings: Settings, declarations: Mapping[str, Declaration]) -> list[str]:
    """A key that is forgotten while a bank still takes the first request's bytes for new ones could pay twice."""
    kept_seconds = settings.retention.request_keys_days * DAY_SECONDS
    windows = {name: each.idempotency.window_seconds for name, each in declarations.items() if each.idempotency}
    return [
        f"retention.request_keys_days must exceed the {seconds} seconds for which banks of {name} remember a payment"
        for name, seconds in sorted(windows.items())
        if kept_seconds <= seconds
    ]
