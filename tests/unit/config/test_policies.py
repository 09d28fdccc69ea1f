"""What the settings promise, the rooms' own policies accept."""

import pytest

from config.loading import SettingsError, load_settings
from threadneedle.roles import policies
from webhooks.dispatch.policy import DispatchPolicy

STORES = {"DATABASE_URL": "postgresql://example", "REDIS_URL": "redis://example"}


def test_the_defaults_make_every_policy() -> None:
    """No default contradicts a room's own rule."""
    settings = load_settings(STORES)
    dispatch, queue = policies.dispatch_policy(settings.webhooks), policies.queue_policy(settings.webhooks)
    assert queue.lease_seconds >= dispatch.lease_seconds_min
    assert policies.limit_policy(settings.limits).tier("standard")
    assert policies.payments_policy(settings.payments).submissions_max == 20
    assert policies.endpoint_rules(settings.webhooks).overlap_default.total_seconds() == 86_400
    assert policies.batch_policy(settings.batches).rows_max == 500
    assert policies.engine_settings(settings).breaker.failures_max == 5
    assert policies.transport_policy(settings.webhooks).total_timeout_seconds == dispatch.send_seconds


def test_a_lease_that_is_too_short_for_its_dispatcher_is_refused_by_name() -> None:
    """The settings refuse what the dispatcher would refuse, before anything starts."""
    shortest = DispatchPolicy(send_seconds=20).lease_seconds_min
    load_settings({**STORES, "THREADNEEDLE_WEBHOOKS__LEASE_SECONDS": str(shortest)})
    with pytest.raises(SettingsError, match="lease_seconds"):
        load_settings({**STORES, "THREADNEEDLE_WEBHOOKS__LEASE_SECONDS": str(shortest - 1)})
