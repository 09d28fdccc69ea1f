"""The merchant hears of an event, also late."""

import asyncio
import uuid
from typing import Any

from threadneedle.demo.scene import Cast, Scene, expect


async def merchant_is_down(scene: Scene, cast: Cast) -> None:
    """The merchant answers 500 twice and recovers; the same event arrives."""
    type_ = f"order.packed_{uuid.uuid4().hex[:6]}"
    scene.merchant.fail_next(2, type_)
    event = {"type": type_, "merchant_id": cast.merchant_id, "data": {"order": "A-1001"}}
    accepted = expect(await scene.partner.post("/v1/events", event), 201)
    await scene.merchant.wait_for(type_)
    posts = [receipt for receipt in scene.merchant.receipts if receipt.type == type_]
    answers = [receipt.answered for receipt in posts]
    scene.proof.claim(
        "A merchant that was down hears it when it is back", held=answers == [500, 500, 200], seen=answers
    )
    same = {receipt.webhook_id for receipt in posts} == {accepted["id"]}
    scene.proof.claim("Every try carried the event's id as webhook-id", held=same, seen=accepted["id"])
    attempts = await _attempts(scene, accepted["id"], at_least=3)
    causes = [attempt["cause"] for attempt in attempts]
    scene.proof.claim(
        "Each attempt is on record with its cause", held=sorted(causes) == ["first", "retry", "retry"], seen=causes
    )


async def _attempts(scene: Scene, event_id: str, *, at_least: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while True:
            deliveries = expect(await scene.partner.get(f"/v1/deliveries?event_id={event_id}"), 200)["data"]
            path = f"/v1/deliveries/{deliveries[0]['id']}/attempts"
            attempts: list[dict[str, Any]] = expect(await scene.partner.get(path), 200)["data"]
            if len(attempts) >= at_least:
                return attempts
            await asyncio.sleep(0.1)
