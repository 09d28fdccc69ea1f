"""Every setting as a type. Defaults and dangers stand in defaults.toml, sources in loading.py, sections beside it.

The composition root maps these to the small policies that the rooms define.
"""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import model_validator

from config.sections import (
    DAY_SECONDS,
    AccountSettings,
    BankSettings,
    BatchSettings,
    DatabaseSettings,
    GatewaySettings,
    KeySettings,
    LimitSettings,
    LoggingSettings,
    OAuthSettings,
    PaymentSettings,
    RedisSettings,
    RehearsalSettings,
    RetentionSettings,
    Section,
    WatchSettings,
)
from config.sections.webhooks import HealthSettings, ReplaySettings, WebhookSettings
from kernel.masked import Masked


class Settings(Section):
    """All of them. `config.loading.load_settings` makes it."""

    database: DatabaseSettings
    redis: RedisSettings
    gateway: GatewaySettings
    oauth: OAuthSettings
    limits: LimitSettings
    payments: PaymentSettings
    accounts: AccountSettings
    banks: BankSettings
    webhooks: WebhookSettings
    health: HealthSettings
    batches: BatchSettings
    keys: KeySettings
    retention: RetentionSettings
    replays: ReplaySettings
    watch: WatchSettings
    logging: LoggingSettings
    rehearsal: RehearsalSettings

    @model_validator(mode="after")
    def _retention_outlives_deliveries(self) -> Self:
        needed = self.webhooks.delivery_age_seconds_max + self.retention.replay_window_days * DAY_SECONDS
        if self.retention.events_days * DAY_SECONDS <= needed:
            raise ValueError(
                "retention.events_days must exceed webhooks.delivery_age_seconds_max plus retention.replay_window_days"
            )
        return self

    @model_validator(mode="after")
    def _requests_outlast_their_waits(self) -> Self:
        if self.gateway.request_seconds_max <= self.payments.wait_seconds_max:
            raise ValueError("gateway.request_seconds_max must exceed payments.wait_seconds_max")
        return self

    @model_validator(mode="after")
    def _consents_outlast_their_waits(self) -> Self:
        longest = max(self.accounts.ask_wait_seconds, self.accounts.return_wait_seconds)
        if self.gateway.request_seconds_max <= longest:
            raise ValueError("gateway.request_seconds_max must exceed the waits of accounts")
        return self

    def summary(self) -> dict[str, Any]:
        """Every setting by its dotted name, for the log line of the start; secrets only say whether they are there."""
        return dict(_flat("", self))


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Section):
        value = {field: getattr(value, field) for field in type(value).model_fields}
    if isinstance(value, dict) and value:
        for inner, held in value.items():
            yield from _flat(f"{name}.{inner}" if name else inner, held)
    elif isinstance(value, Masked):
        yield name, "configured" if value.reveal() else "not configured"
    else:
        yield name, [str(item) for item in value] if isinstance(value, tuple) else value
