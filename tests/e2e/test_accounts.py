"""An account is linked and read through the running product: roles as processes, a bank, and a holder's browser."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from rich.console import Console

from tests.e2e.running import Running, opened, unique
from tests.support.browser import decide
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Scene
from threadneedle.local.banks import UK_BANK

RETURN_URL = "https://shop.example.com/linked"


async def _linked(scene: Scene, merchant_id: str, browser: aiohttp.ClientSession) -> tuple[dict[str, str], str]:
    """What the partner's return_url gets once a holder has consented at the bank, and the bank's id of the consent."""
    wish = {
        "merchant_id": merchant_id,
        "bank_id": UK_BANK,
        "valid_until": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "return_url": RETURN_URL,
    }
    asked = await scene.partner.post("/v1/consents", wish, idempotency_key=unique("k"))
    assert asked.status == 201, asked.body
    back = await decide(browser, asked.body["authorisation"]["url"])
    async with browser.get(back, allow_redirects=False) as sent:
        assert sent.status == 303, await sent.text()
        onward = sent.headers["Location"]
    assert onward.startswith(f"{RETURN_URL}?")
    told = {name: values[0] for name, values in parse_qs(urlsplit(onward).query).items()}
    return told, _intent(asked.body["authorisation"]["url"])


def _intent(url: str) -> str:
    """The consent that the request object in the address names."""
    payload = parse_qs(urlsplit(url).query)["request"][0].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=="))["claims"]
    return str(claims["id_token"]["openbanking_intent_id"]["value"])


@pytest.mark.timeout(90)
async def test_a_linked_account_is_read(running: Running) -> None:
    """The holder is sent out and back, the merchant hears of it, and accounts, balances and entries are read."""
    async with (
        opened(running, Proof(Console(quiet=True))) as (scene, cast),
        aiohttp.ClientSession() as browser,
    ):
        told, _ = await _linked(scene, cast.merchant_id, browser)
        assert told["status"] == "authorised"
        await scene.merchant.wait_for("consent.authorised", told["consent_id"])
        accounts = (await scene.partner.get(f"/v1/accounts?consent_id={told['consent_id']}")).body["data"]
        base = f"/v1/accounts/{accounts[0]['id']}"
        balances = await scene.partner.get(f"{base}/balances")
        kept = await scene.partner.get(f"{base}/balances")
        assert (balances.status, kept.body["from_cache"]) == (200, True)
        page = (await scene.partner.get(f"{base}/transactions", x_payer_ip_address="203.0.113.7")).body
        assert len(page["data"]) > 1


@pytest.mark.timeout(90)
async def test_access_that_is_taken_back_at_the_bank_is_over_here(running: Running) -> None:
    """The bank leaves the consent as it is, and tells it by an event notification only; the merchant hears of it."""
    async with (
        opened(running, Proof(Console(quiet=True))) as (scene, cast),
        aiohttp.ClientSession() as browser,
    ):
        told, at_bank = await _linked(scene, cast.merchant_id, browser)
        ended = await scene.payer.bank.post("/_revocations", {"consent_id": at_bank})
        assert ended.status == 204
        await scene.merchant.wait_for("consent.revoked", told["consent_id"])
        consent = (await scene.partner.get(f"/v1/consents/{told['consent_id']}")).body
        assert (consent["status"], consent["reason"]) == ("revoked", "holder_revoked")
