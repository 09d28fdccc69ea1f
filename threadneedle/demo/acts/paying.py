"""Payments in good and bad weather."""

import uuid

from threadneedle.demo.partner import Api
from threadneedle.demo.scene import ENDED_WELL, IBAN, Cast, Scene, expect, follow, order

SILENT = "timeout_after"
RETURN_URL = "https://shop.example/paid"


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


async def pay_at_a_silent_bank(scene: Scene, cast: Cast) -> None:
    """A payment that the bank will book and never answer; the journey goes on meanwhile, as the partner would."""
    cast.silent_reference = f"invoice {uuid.uuid4().hex[:12]}"
    body = order(scene, cast, SILENT) | {"reference": cast.silent_reference}
    payment = expect(await scene.partner.pay(body, prefer="respond-async"), 202)
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
    books = await booked(scene, cast.silent_reference)
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


async def booked(scene: Scene, reference: str) -> int:
    """How many payments with that reference the bank really made, by its own books.

    An earlier journey's payment may come into them meanwhile, if that one was broken off.
    """
    books = expect(await scene.simulator.get("/_books"), 200)
    return sum(1 for entry in books["payments"] if entry["reference"] == reference)
