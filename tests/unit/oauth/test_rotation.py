"""When signing keys are made, and what each does."""

from datetime import UTC, datetime, timedelta

from gateway.oauth.signing.rotation import KeyStage, RotationPolicy, stages_of

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
POLICY = RotationPolicy(life=timedelta(days=90), published_before=timedelta(hours=1), token_life=timedelta(minutes=10))


def test_the_first_key_signs_at_once() -> None:
    """Nobody has kept an older document."""
    assert POLICY.next_signs_at(None, NOW) == NOW


def test_the_next_key_is_published_before_the_present_ones_life_ends() -> None:
    """It signs when that life ends, not before it was published for the whole time."""
    newest = NOW - timedelta(days=90) + timedelta(hours=1)
    assert POLICY.next_signs_at(newest + timedelta(seconds=1), NOW) is None
    assert POLICY.next_signs_at(newest, NOW) == NOW + timedelta(hours=1)


def test_a_worker_that_was_away_still_publishes_first() -> None:
    """However late, no key signs before it was published for the whole time."""
    assert POLICY.next_signs_at(NOW - timedelta(days=400), NOW) == NOW + timedelta(hours=1)


def test_while_a_key_is_published_and_waits_no_other_is_made() -> None:
    """The newest key is the one that counts, also before it signs."""
    assert POLICY.next_signs_at(NOW + timedelta(minutes=5), NOW) is None


def test_an_old_key_outlives_its_last_token() -> None:
    """A token that it signed in its last second is good for the token's whole life."""
    assert NOW - POLICY.superseded_before(NOW) > POLICY.token_life


def test_each_key_has_a_stage() -> None:
    """One signs; what comes later waits, what came before only verifies."""
    hour = timedelta(hours=1)
    stages = stages_of([NOW + hour, NOW, NOW - hour, NOW - 2 * hour], NOW)
    assert stages == [KeyStage.NEXT, KeyStage.SIGNING, KeyStage.OLD, KeyStage.OLD]
    assert stages_of([NOW + hour], NOW) == [KeyStage.NEXT]
    assert stages_of([], NOW) == []
