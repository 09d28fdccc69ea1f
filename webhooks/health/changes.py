"""Changes of endpoints' health, in the caller's transaction; what is to be told goes back to the caller with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from kernel.audit import AuditEntry, record
from kernel.ids import Environment, Kind, Tenant, new_id, to_text
from kernel.sql import beside
from webhooks.events.model import Connection, NewEvent
from webhooks.health.judging import certificate_moment, judge
from webhooks.health.lanes import lane_of, mode_of
from webhooks.health.model import EndpointHealth, EndpointKey, Health, HealthPolicy, Report
from webhooks.health.notices import EndpointRef, certificate_expiring, endpoint_disabled, endpoint_recovered
from webhooks.queue.port import Lane
from webhooks.states import EndpointState

_SQL = beside(__file__, "health.sql")
_ACTOR = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """`notices` are still to be written in the same transaction; `lanes` are told to the queue after its commit."""

    notices: tuple[NewEvent, ...] = ()
    lanes: tuple[Lane, ...] = ()


async def report_health(connection: Connection, reports: Mapping[EndpointKey, Report], policy: HealthPolicy) -> Changes:
    """Let the reports count, each only for the version of its endpoint that it is about."""
    rows = await _lock(connection, reports)
    changed = [_changed(row, reports[row["partner_id"], row["id"]], policy) for row in rows]
    if not changed:
        return Changes()
    await _write(connection, [after for _, after, _ in changed])
    return Changes(
        notices=tuple(notice for _, _, notices in changed for notice in notices),
        lanes=tuple(after.lane for before, after, _ in changed if before.lane != after.lane),
    )


async def disable(
    connection: Connection, versions: Mapping[EndpointKey, int], reason: str, now: datetime
) -> dict[EndpointKey, NewEvent]:
    """Disable enabled endpoints that are still of these versions, audited; a notice for each that was disabled."""
    if not versions:
        return {}
    columns = (*_columns(versions), list(versions.values()))
    await connection.execute(_SQL["move_versions"], *columns)
    rows = await connection.fetch(_SQL["disable_endpoints"], *columns, reason)
    notices = {}
    for row in rows:
        about = EndpointRef(Tenant(row["partner_id"], Environment(row["environment"])), row["id"])
        await _audit(connection, about, reason, now)
        notices[row["partner_id"], row["id"]] = endpoint_disabled(about, now, reason=reason)
    return notices


async def _lock(connection: Connection, reports: Mapping[EndpointKey, Report]) -> list[asyncpg.Record]:
    if not reports:
        return []
    return await connection.fetch(
        _SQL["lock_endpoints"],
        *_columns(reports),
        [report.version for report in reports.values()],
        [report.failed for report in reports.values()],
        [report.certificate_expires_at for report in reports.values()],
    )


def _changed(
    row: asyncpg.Record, report: Report, policy: HealthPolicy
) -> tuple[EndpointHealth, EndpointHealth, list[NewEvent]]:
    """The endpoint before and after a report, and what its partner is told."""
    before, now = _endpoint(row), row["now"]
    health, notices = judge(before.health, report, now, policy.hold), []
    since = before.health.failing_since
    if since is not None and before.health.warnings_told and report.is_delivered:
        notices.append(endpoint_recovered(before.about, now, failing_since=since))
    moment, expires_at = certificate_moment(health, now, policy.certificate_warn_before), health.certificate_expires_at
    if moment is not None and expires_at is not None:
        health = replace(health, certificate_told=moment)
        notices.append(certificate_expiring(before.about, now, expires_at=expires_at))
    return before, replace(before, health=health, lane=_lane(row, health)), notices


def _endpoint(row: asyncpg.Record) -> EndpointHealth:
    health = Health(**{name: row[name] for name in Health.__slots__})
    return EndpointHealth(
        about=EndpointRef(Tenant(row["partner_id"], Environment(row["environment"])), row["id"]),
        health=health,
        lane=_lane(row, health),
    )


def _lane(row: asyncpg.Record, health: Health) -> Lane:
    state, is_paused = EndpointState(row["state"]), row["paused_at"] is not None
    return lane_of(row, row["id"], mode_of(state, is_paused=is_paused, is_held=health.held_at is not None))


async def _write(connection: Connection, endpoints: Sequence[EndpointHealth]) -> None:
    await connection.execute(
        _SQL["change_health"],
        [endpoint.about.tenant.partner_id for endpoint in endpoints],
        [endpoint.about.endpoint_id for endpoint in endpoints],
        *([getattr(endpoint.health, name) for endpoint in endpoints] for name in Health.__slots__),
    )


async def _audit(connection: Connection, about: EndpointRef, reason: str, now: datetime) -> None:
    """Nobody asked for it by a request, so the entry has none."""
    await record(
        connection,
        AuditEntry(
            id=new_id(now),
            partner_id=about.tenant.partner_id,
            actor=_ACTOR,
            action="endpoint.disabled",
            target=to_text(Kind.ENDPOINT, about.endpoint_id, about.tenant.environment),
            request_id="",
            detail={"reason": reason},
        ),
    )


def _columns(keys: Iterable[EndpointKey]) -> tuple[list[object], list[object]]:
    partners, endpoints = zip(*keys, strict=True)
    return list(partners), list(endpoints)
