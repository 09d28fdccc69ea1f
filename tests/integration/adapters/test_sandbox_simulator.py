"""The sandbox bank as an outside program sees it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.sandbox.mapping import SandboxAdapter
from adapters.sandbox.simulator import SandboxSimulator, start_simulator
from adapters.sandbox.simulator.amounts import FAULT_OF_AMOUNT
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace, SimulatorOptions
from kernel.money import Money
from tests.support.banks import instruction

QUICK = Pace(
    settle_seconds=0.05, complete_seconds=0.05, late_seconds=0.1, hidden_seconds=0.1, hang_seconds=0.2, drip_seconds=0
)


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxSimulator]:
    """A quick sandbox bank."""
    running = await start_simulator(SimulatorOptions(pace=QUICK))
    yield running
    await running.close()


@pytest.fixture
async def customer(sandbox: SandboxSimulator) -> AsyncIterator[ClientSession]:
    """A session that is authenticated at the bank."""
    token = sandbox.settings.secrets["token"].reveal()
    async with ClientSession(sandbox.settings.base_url, headers={"Authorization": f"Bearer {token}"}) as session:
        yield session


async def order(customer: ClientSession, key: str = "k1", **changes: Any) -> tuple[int, dict[str, Any]]:
    """Post a payment with some fields changed; status and body of the answer."""
    request = SandboxAdapter().build(OperationKind.SUBMIT, instruction())
    body = orjson.dumps(orjson.loads(request.body) | changes)
    async with customer.post("/payments", data=body, headers={"Idempotency-Key": key}) as response:
        return response.status, orjson.loads(await response.read())


async def test_only_the_token_opens_the_bank(sandbox: SandboxSimulator) -> None:
    """Without the bearer token every request of the protocol is 401; the checker's paths are open."""
    async with ClientSession(sandbox.settings.base_url) as stranger:
        assert (await order(stranger))[0] == 401
        async with stranger.get("/payments/1") as response:
            assert response.status == 401
        async with stranger.get("/_books") as response:
            assert await response.json() == {"submissions": 0, "payments": []}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end_to_end_id": "has space"}, "end_to_end_id"),
        ({"reference": "x" * 36}, "reference"),
        ({"reference": 5}, "reference"),
        ({"creditor": {"name": "Example Books Ltd", "iban": "GB00WEST12345698765432"}}, "creditor.account"),
        ({"creditor": {"name": "Example Books Ltd", "sort_code": "1", "account_number": "2"}}, "creditor.account"),
        ({"creditor": {"name": "", "iban": "GB82WEST12345698765432"}}, "creditor.name"),
        ({"creditor": None}, "creditor.name"),
        ({"amount": {"currency": "GBP", "value": "12.345"}}, "amount"),
        ({"amount": {"currency": "GBP", "value": 12}}, "amount"),
        ({"amount": {"currency": "XYZ", "value": "12"}}, "amount"),
        ({"amount": {"currency": "GBP", "value": "0"}}, "amount"),
    ],
)
async def test_the_bank_checks_orders_itself(
    sandbox: SandboxSimulator, customer: ClientSession, changes: dict[str, Any], field: str
) -> None:
    """A wrong field is named, nothing is booked, and the key stays free."""
    status, body = await order(customer, **changes)
    assert status == 422
    assert field in body["error"]["fields"]
    assert sandbox.booked() == ()
    assert (await order(customer))[0] == 201


async def test_a_key_makes_one_payment(sandbox: SandboxSimulator, customer: ClientSession) -> None:
    """Same key and body: the same payment; same key and another body: 409; no key: 400."""
    first, again = await order(customer), await order(customer)
    assert (first[0], again[0]) == (201, 201)
    assert first[1]["id"] == again[1]["id"]
    assert (await order(customer, reference="Other"))[0] == 409
    assert (await order(customer, key=""))[0] == 400
    assert len(sandbox.booked()) == 1


async def test_the_bank_would_pay_twice_if_it_were_asked_twice(
    sandbox: SandboxSimulator, customer: ClientSession
) -> None:
    """Under two keys the same order is two payments: the bank hides no mistake of ours from a checker."""
    await order(customer, key="k1")
    await order(customer, key="k2")
    assert [each.amount for each in sandbox.booked()] == [Money("GBP", 1234)] * 2


async def test_faults_and_books_over_http(sandbox: SandboxSimulator, customer: ClientSession) -> None:
    """An outside program plans faults and reads the books; a wrong command changes nothing."""
    async with customer.post("/_faults", json={"fault": "error_500"}) as response:
        assert response.status == 204
    assert (await order(customer))[0] == 500
    async with customer.post("/_faults", json={"fault": "nonsense"}) as response:
        assert response.status == 400
    async with customer.post("/_faults", json={"fault": "error_500", "times": 9}) as response:
        assert response.status == 204
    async with customer.delete("/_faults") as response:
        assert response.status == 204
    assert (await order(customer))[0] == 201
    async with customer.get("/_books") as response:
        books = await response.json()
    assert books["submissions"] == 2
    assert [each["amount"] for each in books["payments"]] == [{"currency": "GBP", "value": 1234}]
    assert [each["reference"] for each in books["payments"]] == ["Invoice 42"]
    assert sandbox.booked()[0].bank_reference == books["payments"][0]["bank_reference"]


async def test_a_chosen_amount_strikes_once_per_key(sandbox: SandboxSimulator, customer: ClientSession) -> None:
    """What is sent again under the same key is served honestly."""
    amount = {"currency": "GBP", "value": "666.07"}
    assert (await order(customer, amount=amount))[0] == 500
    status, body = await order(customer, amount=amount)
    assert (status, body["amount"]) == (201, amount)
    assert len(sandbox.booked()) == 1


async def test_every_fault_has_an_amount() -> None:
    """Partners can choose every fault by an amount of its own."""
    assert set(FAULT_OF_AMOUNT.values()) == set(Fault)
    assert len(FAULT_OF_AMOUNT) == len(Fault)


async def test_it_runs_by_itself_and_ends_on_sigterm() -> None:
    """The command prints how to reach it as a bank's settings, and stops cleanly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.sandbox.simulator", "--token", "t", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    settings = BankSettings.from_json(await asyncio.wait_for(process.stdout.readline(), 30))
    async with ClientSession(settings.base_url, headers={"Authorization": "Bearer t"}) as session:
        assert (await order(session))[0] == 201
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
