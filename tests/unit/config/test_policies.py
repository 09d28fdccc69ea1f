"""What the settings promise, the rooms' own policies accept."""

import pytest

from adapters.registry import discover
from config.loading import load_settings
from threadneedle.roles import policies

STORES = {"DATABASE_URL": "postgresql://example", "REDIS_URL": "redis://example"}


def test_the_defaults_make_every_policy() -> None:
    """No default contradicts a room's own rule."""
    settings = load_settings(STORES)
    dispatch, queue = policies.dispatch_policy(settings.webhooks), policies.queue_policy(settings.webhooks)
    assert queue.lease_seconds >= dispatch.lease_seconds_min
    assert policies.limit_policy(settings.limits).tier("standard")
    assert policies.payments_policy(settings.payments, settings.gateway.public_url).submissions_max == 20
    assert policies.endpoint_rules(settings.webhooks).overlap_default.total_seconds() == 86_400
    assert policies.batch_policy(settings.batches).rows_max == 500
    assert policies.engine_settings(settings).breaker.failures_max == 5
    assert policies.transport_policy(settings.webhooks).total_timeout_seconds == dispatch.send_seconds


@pytest.mark.parametrize("send_seconds", ["0.1", "20", "3600"])
def test_a_lease_outlasts_its_send_whatever_is_configured(send_seconds: str) -> None:
    """The lease grows with the deadline of a send: no setting lets a claim end before its result is committed."""
    settings = load_settings({**STORES, "THREADNEEDLE_WEBHOOKS__TOTAL_TIMEOUT_SECONDS": send_seconds}).webhooks
    dispatch = policies.dispatch_policy(settings)
    assert dispatch.send_seconds == float(send_seconds)
    assert policies.queue_policy(settings).lease_seconds > dispatch.lease_seconds_min > dispatch.send_seconds
    assert not any("lease" in name for name in type(settings).model_fields)


def test_request_keys_outlast_what_banks_remember() -> None:
    """The defaults do, for every protocol; a shorter time is named with the protocol that it is too short for."""
    declarations = discover().declarations
    assert policies.key_retention_problems(load_settings(STORES), declarations) == []
    short = load_settings({**STORES, "THREADNEEDLE_RETENTION__REQUEST_KEYS_DAYS": "1"})
    problems = policies.key_retention_problems(short, declarations)
    assert any("retention.request_keys_days" in problem and "sandbox" in problem for problem in problems)
