from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from gateway.admin.exchanges.schemas import BankExchangeOut
from gateway.schemas.admin import (
    AdminBankOut,
    AuditOut,
    MerchantOut,
    PartnerOut,
    ProposalOut,
    ProposalShown,
)
from gateway.schemas.oauth.clients import ClientCreated, ClientOut
from gateway.schemas.pages import Page
from tests.integration.gateway.test_api import pay
from tests.support.certificates import client_certificate
from tests.support.edge import Answer, Edge, another_admin
from tests.support.linking import link

BANK = {
    "id": "scripted",
    "adapter": "scripted",
    "environment": "test",
    "name": "Scripted Bank",
    "settings": {"base_url": "https://bank.example.com"},
}


async def audit(edge: Edge) -> list[dict[str, Any]]:
    """All but the token that the edge begins with."""
    answer = (await edge.call("GET", "/admin/v1/audit-log?limit=100", admin=True)).json
    Page[AuditOut].model_validate(answer)
    return [entry for entry in answer["data"] if entry["action"] != "admin_token.created"]


async def test_every_change_leaves_its_audit_row(edge: Edge) -> None:
    """Partners, clients, merchants and banks: made, steered, and told in the audit log with who did it."""
    party = await edge.party()
    await edge.add_bank()
    base = f"/admin/v1/partners/{party.partner_id}"
    for path in (f"{base}/suspend", f"{base}/resume", f"{base}/clients/{party.client_id}/suspend"):
        assert (await edge.call("POST", path, admin=True)).status == 200
    changed = await edge.call("PATCH", "/admin/v1/banks/scripted", admin=True, json={"name": "Another Name"})
    assert (changed.json["name"], changed.json["version"]) == ("Another Name", 2)
    AdminBankOut.model_validate((await edge.call("POST", "/admin/v1/banks/scripted/suspend", admin=True)).json)
    rows = await audit(edge)
    assert [row["action"] for row in reversed(rows)] == [
        "partner.created",
        "client.created",
        "merchant.created",
        "bank.created",
        "partner.suspended",
        "partner.resumed",
        "client.suspended",
        "bank.changed",
        "bank.suspended",
    ]
    assert {row["target"] for row in rows} == {party.partner_id, party.client_id, party.merchant_id, "scripted"}
    assert all(row["actor"].startswith("adm_") and row["request_id"] for row in rows)


async def test_a_change_that_fails_leaves_no_row(edge: Edge) -> None:
    """Nothing changed, nothing is recorded."""
    nobody = "/admin/v1/partners/ptn_" + "0" * 26
    assert (await edge.call("POST", f"{nobody}/suspend", admin=True)).status == 404
    body = {"name": "shop", "environment": "test", "scopes": ["payments:read"]}
    assert (await edge.call("POST", f"{nobody}/clients", admin=True, json=body)).status == 404
    await edge.add_bank()
    again = await edge.call("POST", "/admin/v1/banks", admin=True, json=BANK)
    assert (again.status, again.code) == (409, "bank_exists")
    assert [row["action"] for row in await audit(edge)] == ["bank.created"]


async def test_the_audit_log_is_searched(edge: Edge) -> None:
    """By actor, target, action and time, together and with pages; what nobody did is an empty page."""
    party = await edge.party()
    path, base = "/admin/v1/audit-log", f"/admin/v1/partners/{party.partner_id}"
    for verb in ("suspend", "resume", "suspend"):
        assert (await edge.call("POST", f"{base}/{verb}", admin=True)).status == 200
    entries = await audit(edge)
    [newest, resumed, oldest, *_] = entries

    async def found(query: str) -> list[str]:
        answer = await edge.call("GET", f"{path}?{query}", admin=True)
        assert answer.status == 200, answer.raw
        return [entry["id"] for entry in answer.json["data"]]

    suspended = f"action=partner.suspended&target={party.partner_id}&actor={newest['actor']}"
    assert await found(suspended) == [newest["id"], oldest["id"]]
    assert await found(f"{suspended}&limit=1&cursor={newest['id']}") == [oldest["id"]]
    assert await found(f"since={resumed['at']}") == [each["id"] for each in entries if each["at"] >= resumed["at"]]
    assert await found("actor=adm_nobody") == []
    assert (await edge.call("GET", f"{path}?actor=", admin=True)).pointers() == {"/actor"}


async def test_lists_are_paged_and_say_what_they_show(edge: Edge) -> None:
    """Newest first, the cursor leads to the rest, secrets are nowhere."""
    party = await edge.party()
    await edge.party()
    first = (await edge.call("GET", "/admin/v1/partners?limit=1", admin=True)).json
    Page[PartnerOut].model_validate(first)
    rest = (await edge.call("GET", f"/admin/v1/partners?cursor={first['next_cursor']}", admin=True)).json
    assert [partner["id"] for partner in rest["data"]] == [party.partner_id]
    base = f"/admin/v1/partners/{party.partner_id}"
    clients = await edge.call("GET", f"{base}/clients", admin=True)
    Page[ClientOut].model_validate(clients.json)
    assert party.secret.encode() not in clients.raw
    merchants = await edge.call("GET", f"{base}/merchants", admin=True)
    Page[MerchantOut].model_validate(merchants.json)
    assert merchants.json["data"][0]["name"] == "E•••"
    assert (await edge.call("GET", "/admin/v1/partners?cursor=x", admin=True)).pointers() == {"/cursor"}


async def test_one_partner_and_one_bank_can_be_read(edge: Edge) -> None:
    """As the lists show them; what is not there is not found."""
    party = await edge.party()
    await edge.add_bank()
    partner = await edge.call("GET", f"/admin/v1/partners/{party.partner_id}", admin=True)
    assert PartnerOut.model_validate(partner.json).id == party.partner_id
    bank = await edge.call("GET", "/admin/v1/banks/scripted", admin=True)
    assert AdminBankOut.model_validate(bank.json).id == "scripted"
    for path in ("/admin/v1/partners/ptn_" + "0" * 26, "/admin/v1/banks/nobody"):
        assert (await edge.call("GET", path, admin=True)).status == 404


async def test_a_tier_that_is_not_configured_is_refused(edge: Edge) -> None:
    """A partner without limits of its own would be told at its first call only."""
    body = {"name": "Example Shop Ltd", "tier": "golden"}
    answer = await edge.call("POST", "/admin/v1/partners", admin=True, json=body)
    assert (answer.status, answer.pointers()) == (422, {"/tier"})
    assert b"golden" not in answer.raw


async def test_a_clients_secret_is_shown_once(edge: Edge, database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """The answer has it; the database has a digest."""
    party = await edge.party()
    body = {"name": "shop", "environment": "live", "scopes": ["payments:read"]}
    made = await edge.call("POST", f"/admin/v1/partners/{party.partner_id}/clients", admin=True, json=body)
    ClientCreated.model_validate(made.json)
    assert made.json["secret"].startswith("tns_")
    assert made.json["id"].startswith("cli_0")
    assert await database.fetchval("SELECT min(length(secret_digest)) FROM oauth_clients") == 32


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"adapter": "nobody"}, "/adapter"),
        ({"settings": {"base_url": "not a url"}}, "/settings/base_url"),
        ({"environment": "live", "settings": {"base_url": "http://bank.example.com"}}, "/settings/base_url"),
        ({"settings": {"base_url": "https://bank.example.com", "secrets": {"MARKED": "MARKED"}}}, "/settings/secrets"),
        (
            {"settings": {"base_url": "https://bank.example.com", "options": {"colour": "x"}}},
            "/settings/options/colour",
        ),
        ({"settings": {"base_url": "https://bank.example.com", "options": {"MARKED!": "x"}}}, "/settings/options"),
        ({"id": "Not An Id"}, "/id"),
    ],
)
async def test_banks_are_checked_before_they_are_kept(edge: Edge, change: dict[str, Any], pointer: str) -> None:
    """Unknown adapters, settings that they do not take, ids that are none; nothing sent is repeated."""
    answer = await edge.call("POST", "/admin/v1/banks", admin=True, json={**BANK, **change})
    assert (answer.status, answer.pointers()) == (422, {pointer})
    assert b"MARKED" not in answer.raw


async def test_a_live_bank_cannot_be_moved_to_plain_http(edge: Edge) -> None:
    """Changed settings are held to the environment that the bank was made for."""
    await edge.add_bank("live")
    body = {"settings": {"base_url": "http://127.0.0.1:1"}}
    answer = await edge.call("PATCH", "/admin/v1/banks/scripted", admin=True, json=body)
    assert (answer.status, answer.pointers()) == (422, {"/settings/base_url"})


async def test_a_banks_secrets_are_dropped_by_name_only(edge: Edge) -> None:
    """New settings without a secret that the bank has are refused with its name; null drops it. No change is none."""
    own = client_certificate(edge.clock.now() + timedelta(days=30))
    pair = {"tls_certificate": own.chain, "tls_key": own.key}
    url = {"base_url": "https://bank.example.com"}
    made = await edge.call("POST", "/admin/v1/banks", admin=True, json={**BANK, "settings": {**url, "secrets": pair}})
    assert made.status == 201, made.raw

    async def changed(**body: Any) -> Answer:
        return await edge.call("PATCH", "/admin/v1/banks/scripted", admin=True, json=body)

    refused = await changed(settings=url)
    assert (refused.status, refused.pointers()) == (422, {f"/settings/secrets/{name}" for name in pair})
    assert (await changed()).json["version"] == 1
    assert (await changed(settings={**url, "secrets": pair})).json["version"] == 2
    dropped = await changed(settings={**url, "secrets": dict.fromkeys(pair)})
    assert (dropped.status, dropped.json["version"]) == (200, 3)
    assert (await changed(settings=url)).json["version"] == 4
    assert [row["action"] for row in await audit(edge)].count("bank.changed") == 3


async def test_two_persons_end_a_payment_that_no_bank_answers_for(edge: Edge) -> None:
    """One proposes, another confirms; one alone cannot."""
    party = await edge.party()
    await edge.add_bank()
    edge.bank.then(["lost_before"])
    payment = (await pay(edge, party)).json
    assert payment["status"] == "outcome_unknown"
    path = f"/admin/v1/payments/{payment['id']}/evidence"
    body = {"verdict": "not_found", "note": "They say it never came."}
    early = await edge.call("POST", path, admin=True, json=body)
    assert (early.status, early.code) == (409, "evidence_too_early")
    edge.clock.advance(60)
    proposed = await edge.call("POST", path, admin=True, json=body)
    assert proposed.status == 201
    ProposalOut.model_validate(proposed.json)
    confirm = f"{path}/{proposed.json['id']}/confirm"
    alone = await edge.call("POST", confirm, admin=True)
    assert (alone.status, alone.code) == (403, "second_person_required")
    mine = await edge.call("POST", "/admin/v1/admin-tokens", admin=True, json={"name": "mine as well"})
    edge.admin_token = mine.json["token"]
    still = await edge.call("POST", confirm, admin=True)
    assert (still.status, still.code) == (403, "second_person_required")
    edge.admin_token = await another_admin(edge.admin_services)
    read = (await edge.call("GET", path, admin=True)).json
    Page[ProposalShown].model_validate(read)
    assert (read["data"][0]["note"], read["data"][0]["state"]) == (body["note"], "open")
    confirmed = await edge.call("POST", confirm, admin=True)
    assert (confirmed.status, confirmed.json["status"]) == (200, "rejected")


async def test_nothing_secret_is_in_logs_errors_metrics_or_plain_columns(
    edge: Edge, database: "asyncpg.Pool[asyncpg.Record]", capsys: pytest.CaptureFixture[str]
) -> None:
    """Marks are planted in every field that may hold someone's own words; they are found sealed or digested only."""
    party = await edge.party()
    await edge.add_bank()
    answers = [
        await pay(edge, party, key="MARKED key", reference="MARKED 1", metadata={"MARKED": "MARKED"}),
        await pay(edge, party, key="k2", merchant_id="MARKED"),
        await pay(edge, party, key="k3", bank_id="marked-nobody", reference="MARKED"),
    ]
    event = {"type": "a.b", "id": "MARKED", "data": {"MARKED": "MARKED"}, "ordering_key": "MARKED"}
    answers.append(await edge.call("POST", "/v1/events", token=party.token, json=event))
    answers.append(await edge.call("POST", "/v1/events", token=party.token, json={**event, "data": {}}))
    hook = {"url": "https://hooks.example.com/MARKED", "description": "MARKED", "headers": {"X-A": "MARKED"}}
    await edge.call("POST", "/v1/webhook-endpoints", token=party.token, json={**hook, "metadata": {"a": "MARKED"}})
    answers.append(await edge.call("GET", "/v1/payments/MARKED", token=party.token))
    answers.append(await edge.call("GET", "/v1/payments?cursor=MARKED&x=MARKED", token=party.token))
    answers.append(await edge.call("POST", "/v1/payments", token="MARKED.MARKED.MARKED"))
    answers.append(await edge.call("GET", "/metrics", admin=True))
    for answer in answers[1:]:
        assert b"MARKED" not in answer.raw, answer.raw
    logs = capsys.readouterr()
    for hidden in ("MARKED", party.secret, party.token, edge.admin_token, "12345698765432", "Example Books"):
        assert hidden not in logs.out + logs.err
        assert hidden not in await _plain_columns(database)


async def _plain_columns(database: "asyncpg.Pool[asyncpg.Record]") -> str:
    """Everything in the database that is readable: every row of every table but its sealed and digested columns."""
    tables = await database.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    rows = [row for table in tables for row in await database.fetch(f'SELECT * FROM "{table["relname"]}"')]  # noqa: S608 - names of the catalogue
    plain = [{name: str(value) for name, value in row.items() if not isinstance(value, bytes)} for row in rows]
    return orjson.dumps(plain).decode()


async def test_an_admin_reads_what_a_bank_said_about_a_consent(edge: Edge) -> None:
    """Each call with its outcome, page by page; a consent that is not there is not found."""
    party = await edge.party()
    await edge.add_bank()
    linked = await link(edge, party)
    path = f"/admin/v1/consents/{linked.consent_id}/exchanges"
    first = await edge.call("GET", f"{path}?limit=2", admin=True)
    assert [each["kind"] for each in first.json["data"]] == ["accounts", "authorise"]
    BankExchangeOut.model_validate(first.json["data"][0])
    rest = await edge.call("GET", f"{path}?limit=2&cursor={first.json['next_cursor']}", admin=True)
    assert [(each["kind"], each["outcome"]) for each in rest.json["data"]] == [("consent", "answered")]
    unknown = await edge.call("GET", path.replace("cns_test_", "cns_"), admin=True)
    assert unknown.status == 404


async def test_an_admin_reads_what_a_bank_said_about_a_payment(edge: Edge) -> None:
    """Each call with its outcome and both sides' words; none of the other environment."""
    party = await edge.party()
    await edge.add_bank()
    payment_id = (await pay(edge, party)).json["id"]
    path = f"/admin/v1/payments/{payment_id}/exchanges"
    page = await edge.call("GET", f"{path}?limit=1", admin=True)
    [call] = page.json["data"]
    BankExchangeOut.model_validate(call)
    assert (call["kind"], call["outcome"]) == ("submit", "answered")
    assert call["request"]["body"]
    assert (await edge.call("GET", f"{path}?cursor={call['id']}", admin=True)).json["data"] == []
    assert (await edge.call("GET", path.replace("pay_test_", "pay_"), admin=True)).status == 404
