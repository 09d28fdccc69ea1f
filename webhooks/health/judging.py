"""What results mean for their endpoint: pure decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from webhooks.health.model import EndpointKey, Health, HoldPolicy, Report, Sighting, Sign


def reports(sightings: Iterable[Sighting]) -> dict[EndpointKey, Report]:
    """One report per endpoint, on attempts that were sent to its latest version."""
    found: dict[EndpointKey, Report] = {}
    for seen in sorted(sightings, key=lambda seen: (seen.version, seen.ended_at)):
        report = found.get(seen.endpoint)
        if report is not None and _says_nothing_new(seen, report):
            continue
        if report is None or report.version != seen.version:
            report = Report(version=seen.version)
        found[seen.endpoint] = _with(report, seen)
    return found


def _says_nothing_new(seen: Sighting, report: Report) -> bool:
    """One more 2xx after others: nearly all of what there is."""
    return (
        seen.sign is Sign.DELIVERED
        and report.is_delivered
        and not report.failed
        and report.version == seen.version
        and seen.certificate_expires_at is None
    )


def _with(report: Report, seen: Sighting) -> Report:
    if seen.certificate_expires_at is not None:
        report = replace(report, certificate_expires_at=seen.certificate_expires_at)
    match seen.sign:
        case Sign.DELIVERED:
            return Report(
                version=report.version,
                is_well=True,
                is_delivered=True,
                certificate_expires_at=report.certificate_expires_at,
            )
        case Sign.ABORTED:
            return _well(report)
        case Sign.REFUSED:
            return _failed(_well(report), seen)
        case Sign.FAILED:
            report = replace(
                report,
                lane_failures=report.lane_failures + 1,
                is_probed=report.is_probed or seen.is_probe,
                retry_after=max(report.retry_after, seen.retry_after),
            )
            return _failed(report, seen)
        case None:
            return report


def _well(report: Report) -> Report:
    return replace(report, is_well=True, lane_failures=0, is_probed=False, retry_after=timedelta(0))


def _failed(report: Report, seen: Sighting) -> Report:
    """A delivery counts once in a spell; a 2xx before it in the batch has begun another spell."""
    is_new = report.is_delivered or not seen.failed_before
    return replace(report, failed=True, failed_deliveries=report.failed_deliveries + is_new)


def judge(health: Health, report: Report, now: datetime, policy: HoldPolicy) -> Health:
    """The health after a report; the warnings are another matter (`certificate_moment`, `HealthWatch`)."""
    return _lane(_spell(health, report, now), report, now, policy)


def _spell(health: Health, report: Report, now: datetime) -> Health:
    """A failing spell begins with a failure and ends with a 2xx, whoever is to blame for the failures."""
    if report.certificate_expires_at is not None:
        health = replace(health, certificate_expires_at=report.certificate_expires_at)
    if report.is_delivered:
        health = replace(health, failing_since=None, failed_deliveries=0, warnings_told=0)
    if report.failed:
        health = replace(
            health,
            failing_since=health.failing_since or now,
            failed_deliveries=health.failed_deliveries + report.failed_deliveries,
        )
    return health


def _lane(health: Health, report: Report, now: datetime, policy: HoldPolicy) -> Health:
    """Any answer opens a held lane, and what waited for it is let go; failures in a row hold it."""
    if report.is_well:
        health = replace(
            health,
            lane_failures=0,
            held_at=None,
            probes=0,
            next_probe_at=None,
            is_releasing=health.is_releasing or health.held_at is not None,
        )
    failures = health.lane_failures + report.lane_failures
    if health.held_at is not None:
        return _probed(replace(health, lane_failures=failures), report, now, policy)
    if report.lane_failures and failures >= policy.failures:
        wait = max(policy.probe_min, report.retry_after)
        return replace(
            health, lane_failures=failures, held_at=now, probes=0, next_probe_at=now + wait, is_releasing=False
        )
    return replace(health, lane_failures=failures)


def _probed(health: Health, report: Report, now: datetime, policy: HoldPolicy) -> Health:
    """A probe that failed puts the next one off, twice as long each time; no other failure of a held lane does."""
    if not report.is_probed:
        return health
    wait = max(min(policy.probe_min * 2 ** min(health.probes, 16), policy.probe_max), report.retry_after)
    return replace(health, probes=health.probes + 1, next_probe_at=now + wait)


def certificate_moment(health: Health, now: datetime, warn_before: Sequence[timedelta]) -> datetime | None:
    """The latest moment to warn of the certificate's end that has come and was not told, or None.

    `certificate_told` is the last such moment told. It only moves forward, so a receiver that shows one certificate
    here and another there is told of each moment once, not at every change.
    """
    if health.certificate_expires_at is None:
        return None
    moments = [health.certificate_expires_at - before for before in warn_before]
    come = max((moment for moment in moments if moment <= now), default=None)
    if come is None or (health.certificate_told is not None and come <= health.certificate_told):
        return None
    return come
