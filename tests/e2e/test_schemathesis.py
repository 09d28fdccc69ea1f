"""An outside judge reads the OpenAPI documents and tries to break what they promise, on a running gateway."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.support.gateways import Gateway, running_gateways

_ROOMY = "{ capacity = 10_000_000, rate_per_second = 10_000_000.0 }"
_LIMITS = {
    f"THREADNEEDLE_LIMITS__TIERS__STANDARD__{name}": _ROOMY
    for name in ("PARTNER", "CLIENT", "READS", "MONEY", "EVENTS", "MANAGEMENT")
}
_SETTINGS = {
    **_LIMITS,
    "THREADNEEDLE_LIMITS__TOKEN_BY_ADDRESS": _ROOMY,
    "THREADNEEDLE_LIMITS__REFUSED_BY_ADDRESS": _ROOMY,
    "THREADNEEDLE_LIMITS__ADMIN": _ROOMY,
    "THREADNEEDLE_OAUTH__TOKEN_LIFETIME_SECONDS": "3600",
    "THREADNEEDLE_PAYMENTS__WAIT_SECONDS_DEFAULT": "0.2",
    "THREADNEEDLE_PAYMENTS__WAIT_SECONDS_MAX": "0.2",
    "THREADNEEDLE_LOGGING__LEVEL": "warning",
}
# Schemas say what a value looks like; whether check digits, dates and ids are right is told by 422, and what exists by
# 404. What is right in itself may still meet a state that forbids it: 409.
_CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422, 503]

[generation]
database = "none"
deterministic = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A gateway, and a token for all scopes."""

    gateway: Gateway
    token: str
    folder: Path


@pytest.fixture
async def target(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Target]:
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    async with running_gateways(stores, tmp_path, 1, **_SETTINGS) as [gateway]:
        yield Target(gateway=gateway, token=await _token(gateway), folder=tmp_path)


async def _token(gateway: Gateway) -> str:
    """Of a client that may do everything."""
    partner = await gateway.admin("POST", "/partners", {"name": "Example Books Ltd"})
    scopes = ["payments:write", "events:write", "webhooks:manage"]
    order = {"name": "judge", "environment": "test", "scopes": scopes}
    client = await gateway.admin("POST", f"/partners/{partner['id']}/clients", order)
    basic = {"Authorization": aiohttp.encode_basic_auth(str(client["id"]), str(client["secret"]))}
    form = {"grant_type": "client_credentials"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/oauth/token", headers=basic, data=form) as got,
    ):
        return str((await got.json())["access_token"])


async def _judge(target: Target, url: str, token: str | None, *options: str) -> int:
    """Run it; how many requests it made. Fails with its own words where a promise is not kept."""
    config, report = target.folder / "schemathesis.toml", target.folder / "report.ndjson"
    config.write_text(_CONFIG, encoding="utf-8")
    credentials = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/openapi.json"),
        *("--url", url, "--checks", "all", "--request-timeout", "10", "--no-shrink", "--seed", "1"),
        *("--report", "ndjson", "--report-ndjson-path", str(report), "--warnings", "off"),
        *credentials,
        *options,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=target.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-20_000:]
    return await asyncio.to_thread(_requests, report)  # tens of megabytes


def _requests(report: Path) -> int:
    """How many were made."""
    events = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    ended = [event["ScenarioFinished"] for event in events if "ScenarioFinished" in event]
    return sum(len(scenario["recorder"].get("interactions", ())) for scenario in ended)


@pytest.mark.timeout(180)
async def test_the_judge_finds_nothing_in_a_short_look(target: Target) -> None:
    """With a token and without, on both ports: no 5xx, nothing undocumented, no schema that does not hold."""
    for url, token in _doors(target).values():
        await _judge(target, url, token, "--max-time", "2", "--max-examples", "1")


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_the_judge_finds_nothing_in_twenty_thousand_requests(
    target: Target, record_property: Callable[[str, object], None]
) -> None:
    """In 20,000 requests, with a token and without, on both ports, the judge finds nothing."""
    requests = {}
    for door, (url, token) in _doors(target).items():
        requests[door] = await _judge(target, url, token, "--max-examples", "80")
        record_property(f"requests, {door}", requests[door])
    record_property("requests in all (≥ 20,000)", sum(requests.values()))
    assert sum(requests.values()) >= 20_000, requests


def _doors(target: Target) -> dict[str, tuple[str, str | None]]:
    """Each port with the credentials that open it, and with none."""
    gateway = target.gateway
    return {
        "partners with a token": (gateway.url, target.token),
        "partners without": (gateway.url, None),
        "admins with a token": (gateway.admin_url, gateway.admin_token),
        "admins without": (gateway.admin_url, None),
    }
