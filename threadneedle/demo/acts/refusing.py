"""What is the same twice, and what is refused."""

import asyncio
import uuid

from threadneedle.demo.partner import Answer, Api
from threadneedle.demo.scene import Cast, Scene, order


async def repeat(scene: Scene, cast: Cast) -> None:
    """The same request with the same key is the same payment."""
    key, body = str(uuid.uuid4()), order(scene, cast, "ok")
    first = await scene.partner.pay(body, key)
    second = await scene.partner.pay(body, key)
    same = second.body["id"] == first.body["id"] and second.headers.get("idempotent-replayed") == "true"
    scene.proof.claim("A repeated request with its key is the same payment", held=same, seen=second.body["id"])
    body["reference"] = "something else"
    other = await scene.partner.pay(body, key)
    scene.proof.claim(
        "The same key with another body is refused", held=other.status == 422, seen=f"{other.status} {other.code}"
    )


async def refuse(scene: Scene, cast: Cast) -> None:
    """What is refused says why."""
    async with Api(scene.partner.url, token="not-a-token") as stranger:  # noqa: S106 - a bad token on purpose
        answer = await stranger.get("/v1/payments")
    scene.proof.claim("A bad token is refused", held=answer.status == 401, seen=f"{answer.status} {answer.code}")
    body = order(scene, cast, "ok") | {"amount": {"currency": "XXX", "value": -1}}
    answer = await scene.partner.pay(body)
    pointers = sorted(error["pointer"] for error in answer.body.get("errors", []))
    both = {"/amount/currency", "/amount/value"} <= set(pointers)
    scene.proof.claim("A body with two errors is told both at once", held=both, seen=f"{answer.status} {pointers}")
    answer = await _rush(scene)
    wait = answer.headers.get("retry-after")
    scene.proof.claim(
        "A rush is refused and told how long to wait",
        held=answer.status == 429 and bool(wait),
        seen=f"{answer.status}, {wait} s",
    )


async def _rush(scene: Scene) -> Answer:
    answer = await scene.partner.get("/v1/banks")
    for _ in range(100):
        if answer.status == 429:
            break
        answers = await asyncio.gather(*(scene.partner.get("/v1/banks") for _ in range(50)))
        answer = max(answers, key=lambda each: each.status)
    return answer
