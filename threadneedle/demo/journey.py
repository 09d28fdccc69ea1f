"""The journey: one partner pays through the sandbox bank and its merchant hears about it, in good and bad weather.

Everything goes over HTTP to running roles; the only thing shared with them is this machine.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from threadneedle.demo.merchant import Merchant
from threadneedle.demo.partner import Answer, Api
from threadneedle.demo.payer import Payer
from threadneedle.demo.proof import Proof

IBAN = "GB33BUKB20201555555555"
ENDED_WELL = ("settled", "completed")
SILENT = "timeout_after"
RETURN_URL = "https://shop.example/paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the journey plays."""

    admin: Api
    partner: Api
    simulator: Api
    payer: Payer
    merchant: Merchant
    proof: Proof
    amounts: dict[str, int]
    bank_id: str = "sandbox"


@dataclass(slots=True)
class Cast:
    """Who was registered, and what is under way."""

    partner_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    merchant_id: str = ""
    endpoint_id: str = ""
    silent_payment_id: str = ""
    booked_before: int = 0


async def play(scene: Scene) -> bool:
    """Play every part in order. Gives whether all that was claimed held; a part that breaks is a claim that did not."""
    cast = Cast()
    for title, part in PARTS:
        scene.proof.heading(title)
        try:
            await part(scene, cast)
        except (AssertionError, TimeoutError, KeyError, OSError) as error:
            scene.proof.claim(f"{title}: ran to its end", held=False, seen=f"{type(error).__name__} {error}")
    return scene.proof.held


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


async def pay(scene: Scene, cast: Cast) -> None:
    """A payment goes through, and the merchant hears of each state."""
    payment = expect(await scene.partner.pay(order(scene, cast, "ok")), 201, 202)
    scene.proof.say(f"{payment['id']} is {payment['status']}")
    last = await follow(scene, payment["id"], until=ENDED_WELL)
    scene.proof.claim(
        "The payment reached the bank and settled", held=last["status"] in ENDED_WELL, seen=last["status"]
    )
    receipt = await scene.merchant.wait_for(f"payment.{last['status']}", payment["id"])
    scene.proof.claim(
        "Its webhook was verified by the standardwebhooks package", held=receipt.verified, seen=receipt.webhook_id
    )
    shown = str(last["creditor"])
    scene.proof.claim("No answer shows the account number", held=IBAN not in shown, seen=shown)


async def pay_by_consent(scene: Scene, cast: Cast) -> None:
    """A payer approves a payment at an Open Banking UK bank, and comes back."""
    before = await scene.payer.bank.get("/_books")
    body = order(scene, cast, "ok") | {"bank_id": scene.payer.bank_id, "return_url": RETURN_URL}
    payment = expect(await scene.partner.pay(body), 201, 202)
    waiting = await follow(scene, payment["id"], until=("awaiting_authorisation",))
    back = await scene.payer.approve(waiting["authorisation"]["url"])
    async with Api(scene.partner.url) as browser:
        came = await browser.visit(back.removeprefix(scene.partner.url))
    home = came.headers.get("location", "")
    scene.proof.claim(
        "A payer who approved at the bank is sent back to the shop", held=home.startswith(RETURN_URL), seen=came.status
    )
    last = await follow(scene, payment["id"], until=ENDED_WELL)
    scene.proof.claim("What the payer approved is paid", held=last["status"] in ENDED_WELL, seen=last["status"])
    after = await scene.payer.bank.get("/_books")
    booked_now = len(after.body["payments"]) - len(before.body["payments"])
    scene.proof.claim("The bank's books hold it once", held=booked_now == 1, seen=f"{booked_now} in the books")
    taken = await scene.payer.wait_for_notifications(more_than=before.body["notified"])
    scene.proof.claim("The bank's signed event notifications of it are taken", held=taken > 0, seen=f"{taken} with 202")


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


async def pay_at_a_silent_bank(scene: Scene, cast: Cast) -> None:
    """A payment that the bank will book and never answer; the journey goes on meanwhile, as the partner would."""
    cast.booked_before = await booked(scene, SILENT)
    payment = expect(await scene.partner.pay(order(scene, cast, SILENT), prefer="respond-async"), 202)
    cast.silent_payment_id = payment["id"]
    scene.proof.say(f"{payment['id']} is {payment['status']}")


async def bank_was_silent(scene: Scene, cast: Cast) -> None:
    """Evidence resolves the payment, and nothing was sent twice."""
    last = await follow(scene, cast.silent_payment_id, until=ENDED_WELL)
    told = (await scene.merchant.wait_for("payment.outcome_unknown", cast.silent_payment_id)).body["data"]
    scene.proof.claim(
        "A bank that does not answer leaves the outcome unknown, not failed, and the merchant is told so",
        held=told["status"] == "outcome_unknown" and told["recovery"] is not None,
        seen=f"{told['status']}, recovery by {(told['recovery'] or {}).get('strategy')}",
    )
    books = await booked(scene, SILENT) - cast.booked_before
    scene.proof.claim("The bank's own evidence resolved it", held=last["status"] in ENDED_WELL, seen=last["status"])
    scene.proof.claim("The bank's books hold one payment, not two", held=books == 1, seen=f"{books} in the books")


async def bank_rejects(scene: Scene, cast: Cast) -> None:
    """An explicit rejection is told with its reason."""
    payment = expect(await scene.partner.pay(order(scene, cast, "refuse")), 201, 202)
    last = await follow(scene, payment["id"], until=("rejected",))
    receipt = await scene.merchant.wait_for("payment.rejected", payment["id"])
    scene.proof.claim(
        "A rejection comes with the bank's reason, by webhook too",
        held=bool(last["reason"]) and receipt.verified,
        seen=f"{last['reason']} ({last['iso_status']})",
    )


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


async def leave(scene: Scene, cast: Cast) -> None:
    """The merchant's endpoint goes with it: who will not come back is not tried for days."""
    answer = await scene.partner.delete(f"/v1/webhook-endpoints/{cast.endpoint_id}")
    scene.proof.claim("The endpoint of a merchant that leaves is deleted", held=answer.status < 300, seen=answer.status)


PARTS: tuple[tuple[str, Callable[[Scene, Cast], Awaitable[None]]], ...] = (
    ("An admin registers a partner", register),
    ("The partner logs in", log_in),
    ("The merchant subscribes", subscribe),
    ("A payment", pay),
    ("A payment that the bank does not answer", pay_at_a_silent_bank),
    ("A payer approves at an Open Banking UK bank", pay_by_consent),
    ("The merchant is down", merchant_is_down),
    ("What became of the payment that was not answered", bank_was_silent),
    ("The bank says no", bank_rejects),
    ("The same request again", repeat),
    ("What is refused", refuse),
    ("The merchant leaves", leave),
)


def expect(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The body of an answer that must have one of these statuses. Raises AssertionError."""
    if answer.status not in statuses:
        raise AssertionError(f"answered {answer.status} {answer.code} {answer.body}")
    return dict(answer.body)


def order(scene: Scene, cast: Cast, behaviour: str) -> dict[str, Any]:
    """A payment whose amount makes the sandbox bank behave in that way."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": scene.bank_id,
        "amount": {"currency": "GBP", "value": scene.amounts[behaviour]},
        "creditor": {"name": "Example Printers Ltd", "account": {"iban": IBAN}},
        "reference": "invoice 1001",
    }


async def follow(scene: Scene, payment_id: str, *, until: tuple[str, ...], seconds: float = 45) -> dict[str, Any]:
    """Poll a payment until it has one of these states, saying each change. Raises TimeoutError."""
    seen = ""
    async with asyncio.timeout(seconds):
        while True:
            payment = expect(await scene.partner.get(f"/v1/payments/{payment_id}"), 200)
            if payment["status"] != seen:
                seen = payment["status"]
                scene.proof.say(f"{payment_id} is {seen}")
            if seen in until:
                return payment
            await asyncio.sleep(0.2)


async def booked(scene: Scene, behaviour: str) -> int:
    """How many payments of that amount the bank really made so far, by its own books."""
    books = expect(await scene.simulator.get("/_books"), 200)
    return sum(1 for entry in books["payments"] if entry["amount"]["value"] == scene.amounts[behaviour])


async def _attempts(scene: Scene, event_id: str, *, at_least: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while True:
            deliveries = expect(await scene.partner.get(f"/v1/deliveries?event_id={event_id}"), 200)["data"]
            path = f"/v1/deliveries/{deliveries[0]['id']}/attempts"
            attempts: list[dict[str, Any]] = expect(await scene.partner.get(path), 200)["data"]
            if len(attempts) >= at_least:
                return attempts
            await asyncio.sleep(0.1)


async def _rush(scene: Scene) -> Answer:
    answer = await scene.partner.get("/v1/banks")
    for _ in range(100):
        if answer.status == 429:
            break
        answers = await asyncio.gather(*(scene.partner.get("/v1/banks") for _ in range(50)))
        answer = max(answers, key=lambda each: each.status)
    return answer
