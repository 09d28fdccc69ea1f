"""Consents over HTTP: asked for, authorised by their holder, and read under."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.edge import Answer, Edge, Party

RETURN_URL = "https://shop.example.com/linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A consent that its holder has authorised, and the accounts under it."""

    consent_id: str
    account_ids: list[str]


def wish(edge: Edge, party: Party, **changes: Any) -> dict[str, Any]:
    """What a partner asks for."""
    until = (edge.clock.now() + timedelta(days=30)).isoformat()
    fields = {"merchant_id": party.merchant_id, "bank_id": "scripted", "valid_until": until, "return_url": RETURN_URL}
    return {**fields, **changes}


async def ask(edge: Edge, party: Party, **changes: Any) -> Answer:
    """Ask for a consent."""
    key = {"Idempotency-Key": secrets.token_hex(8)}
    return await edge.call("POST", "/v1/consents", token=party.token, headers=key, json=wish(edge, party, **changes))


async def come_back(edge: Edge, bank_id: str, **fields: str) -> Answer:
    """The holder's browser comes back from the bank; it is not sent on."""
    path = f"/banks/{bank_id}/callback?{urlencode(fields)}"
    return await edge.call("GET", path, allow_redirects=False)


async def link(edge: Edge, party: Party, **changes: Any) -> Linked:
    """Ask, authorise, come back, and list."""
    asked = await ask(edge, party, **changes)
    assert asked.status == 201, asked.raw
    brought = parse_qs(urlsplit(asked.json["authorisation"]["url"]).query)
    code = edge.account_bank.authorise(brought["consent"][0])
    back = await come_back(edge, asked.json["bank_id"], state=brought["state"][0], code=code)
    assert back.status == 303, back.raw
    listed = await edge.call("GET", f"/v1/accounts?consent_id={asked.json['id']}", token=party.token)
    assert listed.status == 200, listed.raw
    return Linked(consent_id=asked.json["id"], account_ids=[each["id"] for each in listed.json["data"]])
