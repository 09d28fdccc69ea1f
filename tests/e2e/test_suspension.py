"""A suspension is in force in every process within a second: tried with two gateway processes for each who can be."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.embedded.supervisor import EmbeddedUrls
from tests.support.gateways import Gateway, running_gateways

# The promise is one second; the tests of every day allow for a busy machine.
_SECONDS_MAX = 2.0
_SCOPES = ["payments:write", "events:write", "webhooks:manage"]


@dataclass(slots=True, kw_only=True)
class Customer:
    """A partner with a client and a merchant, and a bank that listens and never answers."""

    gateways: list[Gateway]
    session: aiohttp.ClientSession
    partner: str
    client: str
    secret: str
    merchant: str
    token: str = ""
    calls: int = 0

    async def call(self, gateway: Gateway, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """One call with the client's token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        async with self.session.request(method, gateway.url + path, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def log_in(self, gateway: Gateway) -> tuple[int, Any]:
        """Ask for a token."""
        basic = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        headers, form = {"Authorization": f"Basic {basic}"}, {"grant_type": "client_credentials"}
        async with self.session.post(f"{gateway.url}/oauth/token", headers=headers, data=form) as answer:
            return answer.status, await answer.json()

    async def pay(self, gateway: Gateway, key: str) -> str:
        """The status of a new payment that is not waited for."""
        body = {
            "merchant_id": self.merchant,
            "bank_id": "silent",
            "amount": {"currency": "GBP", "value": 1250},
            "creditor": {"name": "Example Printers Ltd", "account": {"iban": "GB33BUKB20201555555555"}},
            "reference": "invoice 1001",
        }
        headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
        status, answer = await self.call(gateway, "POST", "/v1/payments", json=body, headers=headers)
        assert status in {201, 202}, answer
        return str(answer["status"])


@pytest.fixture
async def customer(servers: EmbeddedUrls, database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Customer]:
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    assert servers
    async with running_gateways(stores, tmp_path, 2) as gateways, aiohttp.ClientSession() as session:
        first = gateways[0]
        partner = (await first.admin("POST", "/partners", {"name": "Example Books Ltd"}))["id"]
        base, client = f"/partners/{partner}", {"name": "shop", "environment": "test", "scopes": _SCOPES}
        made = await first.admin("POST", f"{base}/clients", client)
        merchant = await first.admin("POST", f"{base}/merchants", {"name": "Example Books", "environment": "test"})
        found = Customer(
            gateways=gateways,
            session=session,
            partner=str(partner),
            client=str(made["id"]),
            secret=str(made["secret"]),
            merchant=str(merchant["id"]),
        )
        async with await asyncio.start_server(_silent(found), "127.0.0.1", 0) as bank:
            port = bank.sockets[0].getsockname()[1]
            settings = {
                "base_url": f"http://127.0.0.1:{port}",
                "secrets": {"token": "t" * 16, "notification_secret": "n" * 32},
            }
            order = {
                "id": "silent",
                "adapter": "sandbox",
                "environment": "test",
                "name": "Silent Bank",
                "settings": settings,
            }
            await first.admin("POST", "/banks", order)
            _, answer = await found.log_in(first)
            found.token = answer["access_token"]
            yield found


def _silent(customer: Customer) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        customer.calls += 1
        await reader.read()
        writer.close()

    return count


async def _until(condition: Callable[[], Awaitable[bool]]) -> float:
    """How long it took to become true."""
    started = time.monotonic()
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.01)
    return time.monotonic() - started


@pytest.mark.parametrize("who", ["partner", "client"])
async def test_a_suspended_caller_is_refused_by_every_process_within_a_second(customer: Customer, who: str) -> None:
    """Neither its token nor a new log-in is accepted anywhere; once resumed, whoever logs in anew is served."""
    path = f"/partners/{customer.partner}" + (f"/clients/{customer.client}" if who == "client" else "")

    async def statuses() -> set[int]:
        return {(await customer.call(each, "GET", "/v1/payments"))[0] for each in customer.gateways}

    async def all_refuse() -> bool:
        return await statuses() == {401}

    async def all_serve() -> bool:
        return await statuses() == {200}

    async def logs_in() -> bool:
        status, answer = await customer.log_in(customer.gateways[0])
        customer.token = answer.get("access_token", "")
        return status == 200

    assert await statuses() == {200}
    await customer.gateways[0].admin("POST", f"{path}/suspend")
    assert await _until(all_refuse) < _SECONDS_MAX
    for gateway in customer.gateways:
        assert (await customer.log_in(gateway))[0] in {400, 401}
        assert (await customer.call(gateway, "GET", "/v1/payments"))[1]["code"] == "client_suspended"
    await customer.gateways[1].admin("POST", f"{path}/resume")
    assert await _until(logs_in) < _SECONDS_MAX
    assert await _until(all_serve) < _SECONDS_MAX


async def test_a_suspended_bank_is_called_by_no_process_within_a_second(customer: Customer) -> None:
    """Payments wait in every process and the bank hears nothing; once resumed, it is called again."""

    async def available() -> set[bool]:
        return {(await customer.call(each, "GET", "/v1/banks/silent"))[1]["available"] for each in customer.gateways}

    async def none_available() -> bool:
        return await available() == {False}

    async def called() -> bool:
        return customer.calls > 0

    assert await available() == {True}
    await customer.gateways[0].admin("POST", "/banks/silent/suspend")
    assert await _until(none_available) < _SECONDS_MAX
    for number, gateway in enumerate(customer.gateways):
        assert await customer.pay(gateway, f"suspended-{number}") == "queued"
    assert customer.calls == 0
    await customer.gateways[1].admin("POST", "/banks/silent/resume")
    await _until(_resumed(customer))
    await customer.pay(customer.gateways[0], "resumed")
    await _until(called)


def _resumed(customer: Customer) -> Callable[[], Awaitable[bool]]:
    async def resumed() -> bool:
        found = [(await customer.call(each, "GET", "/v1/banks/silent"))[1]["available"] for each in customer.gateways]
        return all(found)

    return resumed
