"""Notifications of every adapter's simulator, received over HTTP: only the bank's own are believed, each once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from adapters.contract import Instruction, Notified, Receipt, Subject, Verdict
from adapters.simulation.faults import Fault
from tests.contracts.adapters.kit.harness import NOTIFYING, House, protocol_of, running

# Longer than any bank tries again.
LONG = timedelta(days=30)
# The body itself is the signed token, whatever stands in the head.
SIGNED_IN_BODY = {"open_banking_uk"}


class Door:
    """Takes notifications as the inbox does: always 2xx."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, Mapping[str, str]]] = []
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.taken.append((await request.read(), headers))
        self.came.set()
        return web.Response(status=202)

    async def wait_for(self, count: int) -> list[tuple[bytes, Mapping[str, str]]]:
        while len(self.taken) < count:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 5)
        return self.taken


@asynccontextmanager
async def notified(name: str) -> AsyncIterator[tuple[House, Door]]:
    """The adapter's house, with a door that its notifications come to."""
    door = Door()
    app = web.Application()
    app.router.add_post("/door", door.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with running(name, f"http://127.0.0.1:{runner.addresses[0][1]}/door") as house:
            yield house, door
    finally:
        await runner.cleanup()


def receipt(house: House, raw: bytes, headers: Mapping[str, str], now: datetime | None = None) -> Receipt:
    return house.adapter.verify_notification(raw, headers, house.simulator.settings, now or datetime.now(UTC))


def assert_named(told: Notified, verdict: Verdict, instruction: Instruction) -> None:
    """It is about this payment: with what it is now and its amount, or as a hint and with nothing else."""
    if told.hints:
        assert [(hint.about, hint.id) for hint in told.hints] == [(Subject.PAYMENT, instruction.bank_reference)]
        assert (told.evidence.verdict, told.evidence.amount) == (Verdict.UNKNOWN, None)
    else:
        assert (told.evidence.verdict, told.evidence.amount) == (verdict, instruction.amount)
        assert told.end_to_end_id == instruction.end_to_end_id


@pytest.mark.parametrize("name", NOTIFYING)
async def test_the_banks_own_notification_is_verified_and_matched(name: str) -> None:
    """A notification verifies and names our payment; it says what the books say, or nothing of that."""
    async with notified(name) as (house, door):
        instruction, _ = await house.submitted(house.instruction())
        taken = await door.wait_for(2)
        receipts = [receipt(house, raw, headers) for raw, headers in taken[:2]]
        told = [house.adapter.parse_notification(raw) for raw, _ in taken[:2]]
    assert [each.verified for each in receipts] == [True, True]
    assert len({each.dedupe_key for each in receipts}) == 2
    for each, verdict in zip(told, (Verdict.SETTLED, Verdict.COMPLETED), strict=True):
        assert_named(each, verdict, instruction)


@pytest.mark.parametrize("name", NOTIFYING)
async def test_a_notification_may_come_before_the_answer(name: str) -> None:
    """A notification that overtakes the answer names the payment by our own reference, or only hints at it."""
    async with notified(name) as (house, door):
        house.plan(Fault.NOTIFY_FIRST)
        instruction, _ = await house.submitted(house.instruction())
        raw, headers = door.taken[0]
        assert receipt(house, raw, headers).verified
        assert_named(house.adapter.parse_notification(raw), Verdict.ACCEPTED, instruction)


@pytest.mark.parametrize("name", NOTIFYING)
async def test_a_repeated_notification_has_the_same_key(name: str) -> None:
    """The same notification sent twice is recognised by its key, though it is signed anew."""
    async with notified(name) as (house, door):
        house.plan(Fault.NOTIFY_TWICE)
        await house.submitted(house.instruction())
        taken = await door.wait_for(2)
        keys = {receipt(house, raw, headers).dedupe_key for raw, headers in taken[:2]}
    assert len(keys) == 1


@pytest.mark.parametrize("name", NOTIFYING)
async def test_a_forged_notification_is_refused(name: str) -> None:
    """A notification under a wrong signature is not verified, and takes no true one's place."""
    async with notified(name) as (house, door):
        house.plan(Fault.NOTIFY_FIRST)
        await house.submitted(house.instruction())
        raw, headers = door.taken[0]
        true = receipt(house, raw, headers)
        forged = [
            receipt(house, raw + b" ", headers),
            receipt(house, raw[:80] + b"A" + raw[80:], headers),
            receipt(house, raw, headers, datetime.now(UTC) + LONG),
            receipt(house, raw, headers, datetime.now(UTC) - LONG),
        ]
        if protocol_of(name) not in SIGNED_IN_BODY:
            forged += [
                receipt(house, raw, {}),
                receipt(house, raw, {each: f"{value}0" for each, value in headers.items()}),
            ]
    assert true.verified
    assert not any(each.verified for each in forged)
    assert all(each.refused_why for each in forged)
    assert true.dedupe_key not in {each.dedupe_key for each in forged}


@pytest.mark.parametrize("name", NOTIFYING)
async def test_the_simulators_forgeries_are_seen(name: str) -> None:
    """What the simulated bank signs with another key is not verified."""
    async with notified(name) as (house, door):
        house.plan(Fault.NOTIFY_FORGED)
        await house.submitted(house.instruction())
        raw, headers = (await door.wait_for(1))[0]
        assert not receipt(house, raw, headers).verified
