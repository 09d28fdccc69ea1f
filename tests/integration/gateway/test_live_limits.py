import asyncio
from typing import Any

import pytest

from gateway.limits.live.book import LimitBook
from gateway.limits.policy import LimitPolicy
from gateway.schemas.admin import PartnerOut
from gateway.schemas.limits import OwnedLimitsOut, TierOut
from gateway.schemas.pages import Page
from tests.support.edge import Answer, Edge, Party

TIERS = "/admin/v1/limit-tiers"


def bucket(capacity: int) -> dict[str, Any]:
    return {"capacity": capacity, "rate_per_second": 0.5}


def tier(capacity: int) -> dict[str, Any]:
    names = ("partner", "client", "reads", "money", "events", "management")
    return {"concurrency": 9, **{name: bucket(capacity) for name in names}}


async def admin(edge: Edge, method: str, path: str, json: Any = None) -> Answer:
    return await edge.call(method, path, admin=True, **({} if json is None else {"json": json}))


async def policy_seen(edge: Edge, party: Party) -> str:
    return (await edge.call("GET", "/v1/payments", token=party.token)).headers["RateLimit-Policy"]


async def seen_within_a_second(edge: Edge, party: Party, part: str) -> None:
    """Only HTTP is looked at; the process reads the change by itself."""
    async with asyncio.timeout(1):
        while part not in await policy_seen(edge, party):  # noqa: ASYNC110 - the change is another task's
            await asyncio.sleep(0.02)


async def last_audit(edge: Edge) -> dict[str, Any]:
    rows = (await edge.call("GET", "/admin/v1/audit-log?limit=1", admin=True)).json["data"]
    return {name: rows[0][name] for name in ("action", "target", "detail")}


async def test_a_tier_of_ones_own_is_made_and_used(edge: Edge) -> None:
    """An admin makes a tier, moves a partner to it and changes it; each is in force within a second, and audited."""
    party = await edge.party()
    made = await admin(edge, "PUT", f"{TIERS}/gold", tier(70))
    TierOut.model_validate(made.json)
    assert (made.status, made.json["set_by"]) == (200, "admin")
    assert (await last_audit(edge))["detail"]["limits"]["reads"] == bucket(70)
    moved = await admin(edge, "PATCH", f"/admin/v1/partners/{party.partner_id}", {"tier": "gold"})
    PartnerOut.model_validate(moved.json)
    assert (await last_audit(edge))["action"] == "partner.tier_changed"
    await seen_within_a_second(edge, party, '"reads";q=70;w=140, "concurrency";q=9;')
    await admin(edge, "PUT", f"{TIERS}/gold", tier(71))
    await seen_within_a_second(edge, party, '"reads";q=71')


async def test_a_tier_of_the_settings_is_changed_and_given_back(edge: Edge) -> None:
    """What an admin sets goes before the settings, until it is deleted; its partners follow both ways."""
    party = await edge.party()
    before = await policy_seen(edge, party)
    await admin(edge, "PUT", f"{TIERS}/standard", tier(70))
    await seen_within_a_second(edge, party, '"reads";q=70')
    assert (await admin(edge, "DELETE", f"{TIERS}/standard")).status == 204
    await seen_within_a_second(edge, party, before)
    again = await admin(edge, "DELETE", f"{TIERS}/standard")
    assert (again.status, again.code) == (409, "tier_of_settings")
    assert (await admin(edge, "DELETE", f"{TIERS}/nobodys")).status == 404
    assert await last_audit(edge) == {"action": "limit_tier.deleted", "target": "standard", "detail": {}}
    tiers = await admin(edge, "GET", TIERS)
    Page[TierOut].model_validate(tiers.json)
    assert [(each["name"], each["set_by"]) for each in tiers.json["data"]] == [("standard", "settings")]


async def test_a_tier_that_is_used_stays(edge: Edge) -> None:
    """Its partners must be moved first; partners of tiers that nobody made cannot be."""
    await admin(edge, "PUT", f"{TIERS}/gold", tier(70))
    made = await admin(edge, "POST", "/admin/v1/partners", {"name": "Example Partner", "tier": "gold"})
    assert made.status == 201
    refused = await admin(edge, "DELETE", f"{TIERS}/gold")
    assert (refused.status, refused.code) == (409, "tier_in_use")
    path = f"/admin/v1/partners/{made.json['id']}"
    unknown = await admin(edge, "PATCH", path, {"tier": "silver"})
    assert (unknown.status, unknown.pointers()) == (422, {"/tier"})
    assert (await admin(edge, "PATCH", path, {"tier": "standard"})).status == 200
    assert (await admin(edge, "DELETE", f"{TIERS}/gold")).status == 204
    assert (await admin(edge, "GET", f"{TIERS}/gold")).status == 404


async def test_own_limits_of_a_partner_and_of_one_client(edge: Edge) -> None:
    """The client's go before its partner's, those before the tier's; each is put as a whole, and audited."""
    party, neighbour = await edge.party(), await edge.party()
    partner_path = f"/admin/v1/partners/{party.partner_id}/limits"
    client_path = f"/admin/v1/partners/{party.partner_id}/clients/{party.client_id}/limits"
    agreed = await admin(edge, "PUT", partner_path, {"reads": bucket(40), "money": bucket(41), "concurrency": 4})
    OwnedLimitsOut.model_validate(agreed.json)
    assert await last_audit(edge) == {
        "action": "partner.limits_changed",
        "target": party.partner_id,
        "detail": {"limits": {"reads": bucket(40), "money": bucket(41), "concurrency": {"capacity": 4}}},
    }
    await seen_within_a_second(edge, party, '"reads";q=40')
    own = await admin(edge, "PUT", client_path, {"reads": bucket(30)})
    assert own.json["own"] == {"reads": bucket(30)}
    assert (own.json["in_force"]["reads"], own.json["in_force"]["money"]) == (bucket(30), bucket(41))
    assert (await last_audit(edge))["target"] == party.client_id
    await seen_within_a_second(edge, party, '"reads";q=30')
    assert '"concurrency";q=4' in await policy_seen(edge, party)
    assert '"reads";q=100000' in await policy_seen(edge, neighbour)
    assert (await admin(edge, "PUT", client_path, {})).json["own"] == {}
    assert (await admin(edge, "GET", client_path)).json["in_force"]["reads"] == bucket(40)
    assert (await admin(edge, "PUT", partner_path, {"money": bucket(5)})).json["own"] == {"money": bucket(5)}
    await seen_within_a_second(edge, party, '"reads";q=100000')
    assert (await admin(edge, "GET", partner_path)).json["own"] == {"money": bucket(5)}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reads": {"capacity": 0, "rate_per_second": 1}}, "/reads/capacity"),
        ({"reads": {"capacity": 1, "rate_per_second": 0}}, "/reads/rate_per_second"),
        ({"reads": {"capacity": 1, "rate_per_second": "1"}}, "/reads/rate_per_second"),
        ({"reads": None}, "/reads"),
        ({"concurrency": 0}, "/concurrency"),
        ({"tokens": 1}, "/tokens"),
    ],
)
async def test_limits_that_let_nothing_through_are_refused(edge: Edge, body: dict[str, Any], pointer: str) -> None:
    """Each wrong field is named, and nothing changes."""
    party = await edge.party()
    refused = await admin(edge, "PUT", f"/admin/v1/partners/{party.partner_id}/limits", body)
    assert (refused.status, refused.pointers()) == (422, {pointer})


async def test_limits_of_nobody_are_not_found(edge: Edge) -> None:
    """Another partner's client, a client of the other environment's name, a tier that can have no such name."""
    party, other = await edge.party(), await edge.party()
    strange = f"/admin/v1/partners/{party.partner_id}/clients/{other.client_id}/limits"
    for path in (strange, f"/admin/v1/partners/ptn_{'0' * 26}/limits"):
        assert (await admin(edge, "GET", path)).status == 404
        assert (await admin(edge, "PUT", path, {"concurrency": 3})).status == 404
    assert (await admin(edge, "PUT", f"{TIERS}/No%20Name", tier(1))).status == 404


async def test_the_last_known_limits_stay_in_force_without_postgresql(edge: Edge, database: Any) -> None:
    """A book whose database is gone keeps its plans."""
    policy = LimitPolicy()
    book = LimitBook(database, policy)
    await book.start()
    plans = book.plans
    await database.execute("ALTER TABLE limit_version RENAME TO elsewhere")
    await asyncio.sleep(0.7)
    assert book.plans is plans
    await database.execute("ALTER TABLE elsewhere RENAME TO limit_version")
    await admin(edge, "PUT", f"{TIERS}/gold", tier(70))
    async with asyncio.timeout(5):
        while book.plans is plans:  # noqa: ASYNC110 - nothing tells when it is read again
            await asyncio.sleep(0.02)
    await book.close()
