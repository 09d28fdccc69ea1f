"""What the generator is told to send."""

from collections.abc import Sequence

import orjson

from bench.load.scene import Lane
from bench.speed.caller import Order
from bench.speed.stage import Stage

CALLERS = 256
# More batches of 500 at once than a gateway's batcher has room for would be answered 503, item by item.
_BATCH_CALLERS = 8
_FILLER = "x" * 850
_IBAN = "GB33BUKB20201555555555"


async def events(stage: Stage, lanes: Sequence[Lane], *, seconds: float, rate: float = 0.0, batch: int = 0) -> Order:
    """Events of about 1 KiB for the lanes in turn."""
    path = "/v1/events/batch" if batch else "/v1/events"
    return Order(
        url=stage.url(path),
        headers=await stage.headers(),
        items=[_event(lane) for lane in lanes],
        connections=_BATCH_CALLERS if batch else CALLERS,
        seconds=seconds,
        rate=rate,
        batch=batch,
    )


async def payments(stage: Stage, lane: Lane, *, seconds: float, callers: int) -> Order:
    """Payments of a lane's merchant at the bank that the target registers."""
    return Order(
        url=stage.url("/v1/payments"),
        headers=await stage.headers(),
        items=[_payment(lane)],
        connections=callers,
        seconds=seconds,
        once="idempotency-key",
    )


def bank_orders(stage: Stage, *, seconds: float, callers: int) -> Order:
    """The same payments sent to the bank's simulator directly."""
    body = {
        "end_to_end_id": "B@@",
        "amount": {"currency": "GBP", "value": "12.50"},
        "creditor": {"name": "Example Printers Ltd", "iban": _IBAN},
        "reference": "B@@",
        "requested_at": "2026-01-01T00:00:00+00:00",
    }
    return Order(
        url=f"{stage.bank_url}/payments",
        headers={"authorization": f"Bearer {stage.bank_token}", "content-type": "application/json"},
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
