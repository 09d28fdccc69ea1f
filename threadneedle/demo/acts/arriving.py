"""A partner and its merchant come, and the merchant goes."""

import uuid

from threadneedle.demo.scene import Cast, Scene, expect


async def register(scene: Scene, cast: Cast) -> None:
    """An admin registers a partner, its client, its merchant."""
    name = f"Example Books {uuid.uuid4().hex[:6]}"
    cast.partner_id = expect(await scene.admin.post("/admin/v1/partners", {"name": name}), 201)["id"]
    base = f"/admin/v1/partners/{cast.partner_id}"
    scopes = ["payments:write", "accounts:write", "webhooks:manage", "events:write"]
    request = {"name": "back office", "environment": "test", "scopes": scopes}
    client = expect(await scene.admin.post(f"{base}/clients", request), 201)
    cast.client_id, cast.client_secret = client["id"], client["secret"]
    merchant = {"name": "Example Bookshop", "environment": "test"}
    cast.merchant_id = expect(await scene.admin.post(f"{base}/merchants", merchant), 201)["id"]
    scene.proof.say(f"{name} is a partner with one client and one merchant")


async def log_in(scene: Scene, cast: Cast) -> None:
    """The partner exchanges its credentials for a token and is metered."""
    token = await scene.partner.login(cast.client_id, cast.client_secret)
    seconds = token.body.get("expires_in") if token.status == 200 else None
    scene.proof.claim("A client secret buys a token of ten minutes", held=seconds == 600, seen=f"{seconds} s")
    banks = await scene.partner.get("/v1/banks")
    limits = banks.headers.get("ratelimit", "")
    scene.proof.claim("Every answer says what is left of the limit", held=bool(limits), seen=limits)


async def subscribe(scene: Scene, cast: Cast) -> None:
    """The merchant's endpoint is created and its secret revealed once."""
    request = {"url": scene.merchant.url, "event_types": ["*"], "merchant_id": cast.merchant_id}
    endpoint = expect(await scene.partner.post("/v1/webhook-endpoints", request), 201)
    cast.endpoint_id = endpoint["id"]
    secrets = expect(await scene.partner.get(f"/v1/webhook-endpoints/{cast.endpoint_id}/secret"), 200)
    scene.merchant.trust(secrets["data"][0]["secret"])
    scene.proof.say(f"{scene.merchant.url} listens for everything about this merchant")


async def leave(scene: Scene, cast: Cast) -> None:
    """The merchant's endpoint goes with it: who will not come back is not tried for days."""
    answer = await scene.partner.delete(f"/v1/webhook-endpoints/{cast.endpoint_id}")
    scene.proof.claim("The endpoint of a merchant that leaves is deleted", held=answer.status < 300, seen=answer.status)
