"""Gateway processes under a rush, killed, and told to stop: nobody's payment is lost, doubled or cut off."""

import asyncio
import signal
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from tests.e2e.gateways import Gateway, gateways
from tests.e2e.running import Running, opened
from threadneedle.demo.partner import Answer, Api
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Cast, Scene

pytestmark = pytest.mark.timeout(240)
TWINS = 200
# When a process is killed after it was sent a payment: from before it reads it to after it was answered.
KILLED_AFTER_SECONDS = (0.004, 0.02)
KILLED_AFTER_SECONDS_LONG = (*(number * 0.003 for number in range(20)), *(number * 0.03 for number in range(2, 12)))


def order(cast: Cast, value: int) -> dict[str, Any]:
    """A payment of its own amount, by which the bank's books are searched."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": "sandbox",
        "amount": {"currency": "GBP", "value": value},
        "creditor": {"name": "Example Printers Ltd", "account": {"iban": "GB33BUKB20201555555555"}},
        "reference": "invoice 1001",
    }


def amount() -> int:
    """One that nobody else pays, and that makes no bank misbehave."""
    return 1_000_000 + uuid.uuid4().int % 50_000_000


async def booked(scene: Scene, value: int) -> int:
    """How often the bank has booked this amount."""
    books = (await scene.simulator.get("/_books")).body["payments"]
    return sum(entry["amount"]["value"] == value for entry in books)


def quiet() -> Proof:
    return Proof(Console(quiet=True))


async def test_two_hundred_twins_are_one_payment(running: Running) -> None:
    """One key, 200 POSTs at once over two processes: one payment, all others are repeats of it or 409."""
    async with opened(running, quiet()) as (scene, cast), gateways(running, 2) as processes:
        body, key = order(cast, amount()), str(uuid.uuid4())
        async with Api(processes[0].url, scene.partner.token) as one, Api(processes[1].url, scene.partner.token) as two:
            answers = await asyncio.gather(*((one, two)[number % 2].pay(body, key) for number in range(TWINS)))
            last = await one.pay(body, key)
        counts = Counter(_kind(answer) for answer in answers)
        assert counts["first"] == 1, counts
        assert counts["repeat"] + counts["conflict"] == TWINS - 1, counts
        assert len({answer.body["id"] for answer in (*answers, last) if answer.status != 409}) == 1
        assert (last.status, last.headers["idempotent-replayed"]) in {(201, "true"), (202, "true")}
        assert await booked(scene, body["amount"]["value"]) == 1


def _kind(answer: Answer) -> str:
    if answer.status == 409:
        return "conflict"
    assert answer.status in {201, 202}, answer
    return "repeat" if answer.headers.get("idempotent-replayed") == "true" else "first"


async def test_a_killed_process_leaves_no_key_stuck(running: Running) -> None:
    """Killed -9 at any moment of a payment, its key is answered by another process at once: one payment, never 409."""
    async with opened(running, quiet()) as (scene, cast), gateways(running, len(KILLED_AFTER_SECONDS)) as processes:
        for gateway, seconds in zip(processes, KILLED_AFTER_SECONDS, strict=True):
            await _kill_in_the_middle(scene, cast, gateway, seconds)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_killed_processes_leave_no_key_stuck(
    running: Running, record_property: Callable[[str, object], None]
) -> None:
    """Killed -9 at thirty moments of a payment: one payment each time, and no key is answered 409 for ever."""
    answered = 0
    async with opened(running, quiet()) as (scene, cast):
        for seconds in KILLED_AFTER_SECONDS_LONG:
            async with gateways(running, 1) as (gateway,):
                answered += await _kill_in_the_middle(scene, cast, gateway, seconds)
    record_property("kills", len(KILLED_AFTER_SECONDS_LONG))
    record_property("of them after the answer", answered)


async def _kill_in_the_middle(scene: Scene, cast: Cast, gateway: Gateway, seconds: float) -> bool:
    """Whether the payment was answered before the process was killed."""
    body, key = order(cast, amount()), str(uuid.uuid4())
    async with Api(gateway.url, scene.partner.token) as victim:
        await victim.get("/v1/banks")  # its connection stands
        paying = asyncio.create_task(victim.pay(body, key))
        await asyncio.sleep(seconds)
        await gateway.end(signal.SIGKILL)
        first = (await asyncio.gather(paying, return_exceptions=True))[0]
    repeat = await scene.partner.pay(body, key)
    assert repeat.status in {201, 202}, repeat
    is_answered = isinstance(first, Answer) and first.status in {201, 202}
    if isinstance(first, Answer) and is_answered:
        assert repeat.body["id"] == first.body["id"]
    async with asyncio.timeout(60):
        while (last := await scene.partner.pay(body, key)).body["status"] not in {"accepted", "settled", "completed"}:
            assert last.status in {201, 202}, last
            await asyncio.sleep(0.2)
    assert last.body["id"] == repeat.body["id"]
    assert await booked(scene, body["amount"]["value"]) == 1
    return is_answered


async def test_a_process_that_stops_cuts_nobody_off(running: Running) -> None:
    """SIGTERM under load: readiness goes down first, every request that was begun is answered whole, its exit is 0."""
    async with (
        opened(running, quiet()) as (scene, cast),
        gateways(running, 1, drain_notice_seconds="0.5") as (gateway,),
    ):
        answers: Counter[int] = Counter()
        async with Api(gateway.url, scene.partner.token) as partner:
            callers = [asyncio.create_task(_call_until_not_ready(partner, cast, answers, n)) for n in range(12)]
            await asyncio.sleep(1.5)
            ended = asyncio.create_task(gateway.end())
            await asyncio.gather(*callers)
        assert await ended == 0
        assert set(answers) <= {200, 201, 202}, answers
        assert answers.total() > 50, answers


async def _call_until_not_ready(partner: Api, cast: Cast, answers: Counter[int], number: int) -> None:
    """As a load balancer would: what is begun is begun before the process said that it is not ready."""
    while (await partner.get("/readyz")).status == 200:
        match number % 3:
            case 0:
                answer = await partner.pay(order(cast, amount()))
            case 1:
                event = {"type": "order.packed", "merchant_id": cast.merchant_id, "data": {"text": "x" * 20_000}}
                answer = await partner.post("/v1/events", event)
            case _:
                answer = await partner.get("/v1/payments?limit=20")
        answers[answer.status] += 1


async def test_in_a_rush_reads_go_first_and_money_moves(running: Running) -> None:
    """Many readers at once: some are 503 at once, no payment and no notification is; when they leave, all is well."""
    async with (
        opened(running, quiet()) as (scene, cast),
        gateways(running, 1, requests_running_max="20") as (gateway,),
        Api(gateway.url, scene.partner.token) as partner,
    ):
        reads, over = Counter[int](), asyncio.Event()
        readers = [asyncio.create_task(_read_until(partner, reads, over)) for _ in range(40)]
        attackers = [asyncio.create_task(_hold(gateway, over)) for _ in range(40)]
        for _ in range(3):
            assert (await partner.pay(order(cast, amount()))).status in {201, 202}
            assert (await partner.post("/banks/sandbox/notifications", {})).status == 403  # not signed, and looked at
        over.set()
        await asyncio.gather(*readers, *attackers)
        assert reads[503] > 0, reads
        assert reads[200] > 0, reads
        assert set(reads) == {200, 503}, reads
        calm = [(await partner.get("/v1/payments")).status for _ in range(20)]
        assert calm == [200] * 20


async def _read_until(partner: Api, reads: Counter[int], over: asyncio.Event) -> None:
    while not over.is_set():
        answer = await partner.get("/v1/payments?limit=100")
        reads[answer.status] += 1
        if answer.status == 503:
            assert answer.code == "overloaded"
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(0.02)


async def _hold(gateway: Gateway, over: asyncio.Event) -> None:
    """A connection with half a head, or half a body."""
    host, port = gateway.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /banks/sandbox/notifications HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\nhalf")
    await over.wait()
    writer.close()
