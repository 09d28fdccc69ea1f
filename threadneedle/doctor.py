"""What a production set-up lacks, asked of the servers themselves."""

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console

from config.keys import KeysError, open_provider
from config.loading import load_settings
from config.settings import Settings
from kernel.audit.checking import Fault
from kernel.audit.verifier import VerifyQuery, verify
from kernel.clock import CorrectedClock
from kernel.sealing import SealError, Vault
from kernel.sql import beside

_SQL = beside(__file__, "doctor.sql")
_OFFSET_SECONDS_MAX = 1.0
_POSTGRES_MIN = 140_000
_CHAIN_DAYS = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question, whether the answer will do, and what to change where it will not."""

    question: str
    good: bool
    seen: str
    advice: str = ""
    judged: str = "the servers"


_SETTINGS = "the settings of this environment"
_NOTE = (
    f"Judged by {_SETTINGS}: a role that was started with others is not seen. Run this where and as the roles are run; "
    "each role's first log line, role.starting, tells what it was given."
)


async def examine(console: Console, *, as_json: bool) -> bool:
    """Print every finding, and what it was judged by; True if all are good."""
    settings = load_settings()
    findings = [
        *await _database(settings),
        *await _redis(settings),
        *await _audit_log(settings),
        *_configuration(settings),
    ]
    if as_json:
        console.print_json(data=[asdict(finding) for finding in findings])
    else:
        for number, finding in enumerate(findings):
            if finding.judged == _SETTINGS and findings[number - 1].judged != _SETTINGS:
                console.print(_NOTE, highlight=False, soft_wrap=True)
            mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
            console.print(f"{mark} {finding.question}: {finding.seen}", highlight=False, soft_wrap=True)
            if not finding.good:
                console.print(f"    {finding.advice}", highlight=False, soft_wrap=True)
    return all(finding.good for finding in findings)


async def _database(settings: Settings) -> list[Finding]:
    question = "PostgreSQL answers"
    try:
        connection = await asyncpg.connect(settings.database.url.reveal(), timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        return [Finding(question=question, good=False, seen=type(error).__name__, advice="Check DATABASE_URL.")]
    try:
        facts = await connection.fetchrow(_SQL["database_facts"])
        offset = await CorrectedClock().measure(lambda: connection.fetchval(_SQL["database_time"]))
    finally:
        await connection.close()
    return _of_database(dict(facts or {}), abs(offset.total_seconds()))


def _of_database(facts: dict[str, Any], seconds: float) -> list[Finding]:
    return [
        Finding(
            question="PostgreSQL is 14 or newer",
            good=facts["version"] >= _POSTGRES_MIN,
            seen=str(facts["version"] // 10_000),
            advice="Upgrade it.",
        ),
        Finding(
            question="Commits are durable",
            good=facts["fsync"] == "on" and facts["synchronous_commit"] not in {"off", "local"},
            seen=f"fsync {facts['fsync']}, synchronous_commit {facts['synchronous_commit']}",
            advice="Set fsync = on and synchronous_commit = on: every 2xx means committed.",
        ),
        Finding(
            question="A synchronous standby holds what was committed",
            good=facts["synchronous_standbys"] > 0,
            seen=f"{facts['synchronous_standbys']} of them",
            advice="Without one, a failover can lose what was answered with 2xx. Set synchronous_standby_names.",
        ),
        Finding(
            question="The connection to PostgreSQL is encrypted, or does not leave this machine",
            good=facts["encrypted"] or facts["is_local"],
            seen="TLS" if facts["encrypted"] else "plain",
            advice="Add sslmode=verify-full to DATABASE_URL.",
        ),
        Finding(
            question="The schema is there",
            good=facts["has_schema"],
            seen="yes" if facts["has_schema"] else "no",
            advice="Run `threadneedle migrate`.",
        ),
        Finding(
            question="This machine's clock agrees with the database's",
            good=seconds < _OFFSET_SECONDS_MAX,
            seen=f"{seconds:.3f} s apart",
            advice="It is corrected for, but run a time daemon.",
        ),
    ]


async def _redis(settings: Settings) -> list[Finding]:
    question = "Redis answers"
    url = settings.redis.queue_url.reveal()
    try:
        async with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            memory = await client.info("memory")
    except (RedisError, OSError) as error:
        return [Finding(question=question, good=False, seen=type(error).__name__, advice="Check REDIS_URL.")]
    policy = memory.get("maxmemory_policy")
    local = url.startswith(("unix://", "redis://127.", "redis://:", "redis://localhost")) or "@127.0.0.1" in url
    return [
        Finding(question=question, good=True, seen="yes"),
        Finding(
            question="Redis never throws keys away",
            good=policy == "noeviction",
            seen=f"maxmemory-policy {policy}",
            advice="Set maxmemory-policy noeviction.",
        ),
        Finding(
            question="The connection to Redis is encrypted, or does not leave this machine",
            good=local or url.startswith("rediss://"),
            seen="TLS" if url.startswith("rediss://") else "plain",
            advice="Use a rediss:// URL.",
        ),
    ]


async def _audit_log(settings: Settings) -> list[Finding]:
    """The chain since the day before yesterday; nothing where database, schema or keys are away, which others tell."""
    try:
        vault_keys = open_provider(settings.keys, os.environ)
        async with asyncpg.create_pool(settings.database.url.reveal(), min_size=0, max_size=2, timeout=5) as pool:
            since = datetime.now(UTC).date() - _CHAIN_DAYS
            report = await verify(pool, Vault(pool, vault_keys, CorrectedClock()), VerifyQuery(since=since))
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError, KeysError, SealError):
        return []
    lags = [finding for finding in report.findings if finding.fault in {Fault.UNCHAINED, Fault.HEAD_OLD}]
    faults = sorted({finding.fault.value for finding in report.findings if finding not in lags})
    return [
        Finding(
            question="The audit log's chain keeps up",
            good=not lags,
            seen=f"position {report.end.position}" if not lags else "entries wait, or no head was signed for days",
            advice="Look at the worker's log for work.postponed with work audit.",
        ),
        Finding(
            question="The audit log's last days are as they were written",
            good=not faults,
            seen=", ".join(faults) or f"{report.entries} entries",
            advice="Run `threadneedle audit verify`, and treat it as a break-in until it is explained.",
        ),
    ]


def _configuration(settings: Settings) -> list[Finding]:
    try:
        open_provider(settings.keys, os.environ)
        keys, advice = "there", ""
    except KeysError as error:
        keys, advice = "missing", str(error)
    private = settings.webhooks.private_destinations
    return [
        Finding(
            question="Key-encryption keys can be read",
            good=keys == "there",
            seen=keys,
            advice=advice,
            judged=_SETTINGS,
        ),
        Finding(
            judged=_SETTINGS,
            question="The public URL is https",
            good=settings.gateway.public_url.startswith("https://"),
            seen=settings.gateway.public_url.split(":", maxsplit=1)[0],
            advice="Set gateway.public_url to the https address that partners use.",
        ),
        Finding(
            judged=_SETTINGS,
            question="Webhooks go to public addresses over https only",
            good=not private and not settings.webhooks.plain_http_allowed,
            seen=f"{len(private)} private networks allowed, plain http {settings.webhooks.plain_http_allowed}",
            advice="Empty webhooks.private_destinations and unset webhooks.plain_http_allowed.",
        ),
        Finding(
            judged=_SETTINGS,
            question="The admin API listens on an address of this machine only, or on purpose elsewhere",
            good=settings.gateway.admin_host not in {"0.0.0.0", "::"},  # noqa: S104 - that is what is looked for
            seen=settings.gateway.admin_host,
            advice="Bind gateway.admin_host to a private address.",
        ),
    ]
