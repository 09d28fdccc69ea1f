"""What the generator is told to send."""

from collections.abc import Sequence

import orjson

from bench.load.scene import Lane
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage
from bench.speed.tools.order import Order

CALLERS = 256
BATCH = 500
# More batches of 500 at once than a gateway's batcher has room for would be answered 503, item by item.
_BATCH_CALLERS = 8
_FILLER = "x" * 850
_IBAN = "GB33BUKB20201555555555"


async def events(
    stage: Stage, party: Party, *, seconds: float, rate: float = 0.0, lanes: Sequence[Lane] | None = None
) -> Order:
    """Single events of about 1 KiB, for the party's lanes in turn or for some of them."""
    return Order(
        url=stage.url("/v1/events"),
        headers=await party.headers(),
        items=[_event(lane) for lane in lanes or party.lanes],
        connections=CALLERS,
        seconds=seconds,
        rate=rate,
    )


async def batches(
    stage: Stage, party: Party, *, seconds: float, rate: float = 0.0, lanes: Sequence[Lane] | None = None
) -> Order:
    """The same in batches of `BATCH`; `rate` counts events."""
    single = await events(stage, party, seconds=seconds, rate=rate, lanes=lanes)
    return single.model_copy(
        update={"url": stage.url("/v1/events/batch"), "batch": BATCH, "connections": _BATCH_CALLERS}
    )


async def payments(stage: Stage, party: Party, lanes: Sequence[Lane], *, seconds: float, callers: int) -> Order:
    """Payments of these lanes' merchants in turn, at the bank that the target registers."""
    return Order(
        url=stage.url("/v1/payments"),
        headers=await party.headers(),
        items=[_payment(lane) for lane in lanes],
        connections=callers,
        seconds=seconds,
        once="idempotency-key",
    )


def bank_orders(stage: Stage, *, seconds: float, callers: int) -> Order:
    """The same payments sent to the bank's simulator directly."""
    url, token = stage.bank
    body = {
        "end_to_end_id": "B@@",
        "amount": {"currency": "GBP", "value": "12.50"},
        "creditor": {"name": "Example Printers Ltd", "iban": _IBAN},
        "reference": "B@@",
        "requested_at": "2026-01-01T00:00:00+00:00",
    }
    return Order(
        url=f"{url}/payments",
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        items=[orjson.dumps(body).decode()],
        connections=callers,
        seconds=seconds,
        once="idempotency-key",
    )


def _event(lane: Lane) -> str:
    data = f'{{"key":"@@","sent_ns":##,"filler":"{_FILLER}"}}'
    return f'{{"id":"k@@","type":"order.shipped","merchant_id":"{lane.merchant}","data":{data}}}'


def _payment(lane: Lane) -> str:
    body = {
        "merchant_id": lane.merchant,
        "bank_id": "breakable",
        "amount": {"currency": "GBP", "value": 1250},
        "creditor": {"name": "Example Printers Ltd", "account": {"iban": _IBAN}},
        "reference": "B@@",
    }
    return orjson.dumps(body).decode()
