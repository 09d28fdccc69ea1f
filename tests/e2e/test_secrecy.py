"""What people wrote is found nowhere but where it belongs."""

from typing import Any

import aiohttp
import asyncpg
import pytest
from rich.console import Console

from tests.e2e.running import Running, opened, unique
from threadneedle.demo.journey import Cast, Scene, follow
from threadneedle.demo.proof import Proof

IBAN = "GB94BARC10201530093459"
MARK = unique("PLANT")


def order(cast: Cast) -> dict[str, Any]:
    """A payment with a mark in every field that takes text."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": "sandbox",
        "amount": {"currency": "GBP", "value": 1250},
        "creditor": {"name": f"{MARK} creditor", "account": {"iban": IBAN}},
        "reference": f"{MARK} ref",
        "end_to_end_id": f"{MARK}-e2e",
        "metadata": {"note": f"{MARK} {IBAN}"},
    }


async def plant(scene: Scene, cast: Cast) -> list[str]:
    """Say the mark everywhere; the bodies of all refusals."""
    endpoint = {
        "url": f"{scene.merchant.url}?token={MARK}",
        "event_types": ["*"],
        "merchant_id": cast.merchant_id,
        "description": f"{MARK} {IBAN}",
        "metadata": {"note": MARK},
        "headers": {"x-key": MARK},
    }
    event = {"id": f"{MARK}-event", "type": "order.packed", "merchant_id": cast.merchant_id, "data": {"iban": IBAN}}
    answers = [
        await scene.partner.post("/v1/webhook-endpoints", endpoint),
        await scene.partner.post("/v1/events", {**event, "data": {"text": MARK, "iban": IBAN}}),
        paid := await scene.partner.pay(order(cast), key=f"{MARK}-key"),
    ]
    assert all(answer.status in (201, 202) for answer in answers), [answer.body for answer in answers]
    await follow(scene, paid.body["id"], until=("completed",))
    await scene.merchant.wait_for("payment.completed", paid.body["id"])
    return [str(answer.body) for answer in await refusals(scene, cast)]


async def refusals(scene: Scene, cast: Cast) -> list[Any]:
    """Requests that are refused for fields that hold the mark."""
    wrong = [
        order(cast) | {"creditor": {"name": MARK * 20, "account": {"iban": f"{IBAN[:-1]}X{MARK}"}}},
        order(cast) | {"amount": {"currency": MARK, "value": MARK}},
        order(cast) | {MARK: MARK, "reference": {"deep": MARK}},
        order(cast) | {"merchant_id": MARK, "bank_id": MARK, "execute_at": MARK},
    ]
    answers = [await scene.partner.pay(body) for body in wrong]
    answers += [
        await scene.partner.post(
            "/v1/webhook-endpoints", {"url": f"ftp://{MARK}:{MARK}@example.com", "event_types": [MARK + "!"]}
        ),
        await scene.partner.post("/v1/events", {"id": [MARK], "type": f"{MARK} {IBAN}", "data": MARK}),
        await scene.partner.get(f"/v1/payments/{MARK}"),
        await scene.partner.get(f"/v1/events?cursor={MARK}&limit={MARK}"),
    ]
    assert all(400 <= answer.status < 500 for answer in answers), [answer.body for answer in answers]
    return answers


async def columns(database_url: str) -> dict[str, bytes]:
    """Every column of every table as bytes, sealed ones too: what is sealed cannot be found either."""
    connection = await asyncpg.connect(database_url)
    found = {}
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 - the catalogue's own names
            for row in rows:
                for column, value in row.items():
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    found[f"{table}.{column}"] = found.get(f"{table}.{column}", b"") + raw + b"\n"
    finally:
        await connection.close()
    return found


@pytest.mark.timeout(120)
async def test_planted_marks_are_found_nowhere(running: Running) -> None:
    """No plain column, log line, metric or error holds a marked secret or an account number."""
    async with opened(running, Proof(Console(quiet=True))) as (scene, cast):
        errors = await plant(scene, cast)
        async with aiohttp.ClientSession() as session, session.get(f"{running.file.admin}/metrics") as reply:
            metrics = await reply.text()
    places = await columns(running.file.database_url)
    places |= {str(path): path.read_bytes() for path in (running.state / "log").glob("*.log")}
    places |= {f"error {number}": text.encode() for number, text in enumerate(errors)}
    places["metrics"] = metrics.encode()
    assert {"payments.sealed_terms", "audit_log.detail", "events.sealed_body"} <= places.keys()
    for mark in (MARK.encode(), IBAN.encode(), IBAN[4:].encode()):
        assert not [place for place, content in places.items() if mark in content]
