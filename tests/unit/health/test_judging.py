"""What results mean for their endpoint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from webhooks.health.judging import certificate_moment, judge, reports
from webhooks.health.model import Health, HoldPolicy, Report, Sighting, Sign

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ENDPOINT = (UUID(int=1), UUID(int=2))
POLICY = HoldPolicy()
HELD = Health(lane_failures=10, held_at=NOW - DAY, next_probe_at=NOW, failing_since=NOW - DAY, failed_deliveries=3)
FAILED = Report(version=1, lane_failures=1, failed=True, failed_deliveries=1)


def _seen(*signs: Sign | None, version: int = 1, **fields: object) -> list[Sighting]:
    return [
        Sighting(endpoint=ENDPOINT, version=version, ended_at=NOW + n * SECOND, sign=sign, **fields)  # type: ignore[arg-type]
        for n, sign in enumerate(signs)
    ]


def _report(*signs: Sign | None) -> Report:
    return reports(_seen(*signs))[ENDPOINT]


def test_failures_after_the_last_answer_count() -> None:
    """What failed before the lane answered in the same batch says nothing about the lane any more."""
    report = _report(Sign.FAILED, Sign.FAILED, Sign.DELIVERED, Sign.FAILED)
    assert (report.is_well, report.lane_failures, report.failed_deliveries) == (True, 1, 1)


def test_attempts_count_in_the_order_in_which_they_ended() -> None:
    """A batch is sorted by keys; the lane is judged by time."""
    report = reports(reversed(_seen(Sign.FAILED, Sign.DELIVERED)))[ENDPOINT]
    assert (report.lane_failures, report.failed) == (0, False)


def test_the_latest_version_counts() -> None:
    """Results of an endpoint that was changed meanwhile are about another endpoint."""
    both = [*_seen(Sign.FAILED, Sign.FAILED, version=1), *_seen(Sign.DELIVERED, version=2)]
    assert reports(both)[ENDPOINT] == Report(version=2, is_well=True, is_delivered=True)


def test_what_is_nobodys_fault_says_nothing() -> None:
    """A failure of our own changes no health."""
    assert judge(HELD, _report(None), NOW, POLICY) == HELD


def test_a_refusal_shows_a_well_lane_but_delivers_nothing() -> None:
    """An endpoint that refuses every message is failing, though its lane is open."""
    after = judge(Health(lane_failures=9), _report(Sign.REFUSED), NOW, POLICY)
    assert (after.lane_failures, after.held_at, after.failing_since, after.failed_deliveries) == (0, None, NOW, 1)


def test_a_delivery_counts_once_in_a_spell() -> None:
    """However often one delivery fails, it is one that failed."""
    report = reports(_seen(Sign.FAILED, failed_before=True))[ENDPOINT]
    assert judge(HELD, report, NOW, POLICY).failed_deliveries == HELD.failed_deliveries


def test_ten_failures_in_a_row_hold_a_lane() -> None:
    """Nine do not; the first probe comes ten seconds later."""
    nine = judge(Health(lane_failures=8), FAILED, NOW, POLICY)
    assert nine.held_at is None
    ten = judge(nine, FAILED, NOW, POLICY)
    assert (ten.held_at, ten.next_probe_at, ten.probes) == (NOW, NOW + 10 * SECOND, 0)


def test_probes_back_off() -> None:
    """Each failed probe doubles the wait for the next one, up to two minutes."""
    health, waits = HELD, []
    for _ in range(6):
        health = judge(health, replace(FAILED, is_probed=True), NOW, POLICY)
        assert health.next_probe_at is not None
        waits.append(round((health.next_probe_at - NOW).total_seconds()))
    assert waits == [10, 20, 40, 80, 120, 120]
    assert health.held_at == HELD.held_at


def test_a_late_failure_puts_no_probe_off() -> None:
    """What was in flight when the lane was held may fail; the probes' times stay."""
    after = judge(HELD, FAILED, NOW, POLICY)
    assert (after.probes, after.next_probe_at) == (HELD.probes, HELD.next_probe_at)


def test_a_probe_waits_as_long_as_the_receiver_asked() -> None:
    """A Retry-After longer than the backoff is kept."""
    after = judge(HELD, replace(FAILED, is_probed=True, retry_after=timedelta(hours=1)), NOW, POLICY)
    assert after.next_probe_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("sign", [Sign.DELIVERED, Sign.REFUSED, Sign.ABORTED])
def test_any_answer_opens_a_held_lane(sign: Sign) -> None:
    """Whatever the receiver answered for itself, it is back: what waited for it is let go."""
    after = judge(HELD, _report(sign), NOW, POLICY)
    assert (after.held_at, after.next_probe_at, after.lane_failures, after.is_releasing) == (None, None, 0, True)


def test_a_lane_that_fails_while_it_is_let_go_is_held_again() -> None:
    """A release ends where the lane is held again; the next answer begins another."""
    after = judge(Health(is_releasing=True), replace(FAILED, lane_failures=10), NOW, POLICY)
    assert (after.held_at, after.is_releasing) == (NOW, False)


def test_a_success_ends_the_failing_spell() -> None:
    """The next failure begins another spell, with its own count and warnings."""
    well = judge(replace(HELD, warnings_told=2), _report(Sign.DELIVERED), NOW, POLICY)
    assert (well.failing_since, well.failed_deliveries, well.warnings_told) == (None, 0, 0)
    again = judge(well, FAILED, NOW + SECOND, POLICY)
    assert (again.failing_since, again.failed_deliveries) == (NOW + SECOND, 1)


BEFORE = (21 * DAY, 7 * DAY)


def test_certificates_are_told_of_twice() -> None:
    """Each moment to warn is told once, and a new certificate has its own."""
    health, told = Health(certificate_expires_at=NOW), []
    for days in (30, 21, 20, 7, 6, -1):
        moment = certificate_moment(health, NOW - days * DAY, BEFORE)
        if moment is not None:
            told.append(days)
            health = replace(health, certificate_told=moment)
    assert told == [21, 7]
    renewed = replace(health, certificate_expires_at=NOW + 90 * DAY)
    assert certificate_moment(renewed, NOW, BEFORE) is None
    assert certificate_moment(renewed, NOW + 70 * DAY, BEFORE) == NOW + 69 * DAY


def test_two_certificates_in_turn_are_not_told_for_ever() -> None:
    """A receiver that shows one certificate here and another there is told of each moment once."""
    one, other, told, count = NOW + 10 * DAY, NOW + 15 * DAY, None, 0
    for expires_at in (one, other) * 5:
        moment = certificate_moment(Health(certificate_expires_at=expires_at, certificate_told=told), NOW, BEFORE)
        if moment is not None:
            told, count = moment, count + 1
    assert count == 2
