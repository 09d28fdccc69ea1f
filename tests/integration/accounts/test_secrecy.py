"""What holders and banks say, and what gives access, lies in no plain column and is in no log and no event."""

import re
from typing import Any

import asyncpg
import orjson
from structlog.testing import capture_logs

from accounts.reading.book import AccountFilter
from accounts.reading.reader import Freshness, Wanted
from adapters.contract import Payer
from kernel.ids import Environment, Kind, from_text
from kernel.masked import Masked
from kernel.sealing import Vault
from tests.support.accounts_world import AccountsWorld, make_accounts_world
from tests.support.clock import FakeClock
from threadneedle.roles.sealed_columns import SEALED_COLUMNS

Pool = "asyncpg.Pool[asyncpg.Record]"
IBAN, NAME, TEXT = "GB94BARC10201530093459", "Plantedname Holder", "plantedtext of an entry"
RETURN_URL, ADDRESS, AGENT = "https://shop.example.com/plantedreturn", "198.51.100.77", "plantedagent/1.0"
# What the account bank makes: its URLs, codes and access.
MADE = ("bank.example.com/authorise", "code-bc-", "access-", "refresh-")


async def _lived(world: AccountsWorld) -> dict[str, Any]:
    """A consent with everything planted, and all that is answered about it."""
    world.bank.accounts = [{"id": "A-1", "currency": "GBP", "iban": IBAN, "name": NAME}]
    world.bank.values["A-1"] = [{"currency": "GBP", "value": 77_777_777}]
    world.bank.entries = [{"id": "T-1", "currency": "GBP", "value": 5, "credit": True, "text": TEXT}] * 5
    payer = Payer(ip_address=Masked(ADDRESS), user_agent=Masked(AGENT))
    asked = await world.ask(return_url=Masked(RETURN_URL), payer=payer)
    await world.come_back(asked.consent.id, world.bank.authorise("bc-1"))
    listed = await world.accounts.accounts(world.tenant, AccountFilter(limit=5, consent_id=asked.consent.id), payer)
    account_id = from_text(Kind.ACCOUNT, listed.data[0]["id"], Environment.TEST)
    balances = await world.accounts.balances(world.tenant, account_id, Freshness(max_age=60), payer)
    entries = await world.accounts.transactions(world.tenant, account_id, Wanted(), payer)
    consent = (await world.accounts.consent(world.tenant, asked.consent.id)).to_json()
    return {"consent": consent, "accounts": listed.data, "balances": balances, "transactions": entries}


async def _plain(database: "asyncpg.Pool[asyncpg.Record]") -> str:
    """Everything in the database as text; sealed columns as their bytes."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [
        str(row[0])
        for table in tables
        for row in await database.fetch(f'SELECT t::text FROM "{table["tablename"]}" t')  # noqa: S608
    ]
    text = "\n".join(rows)
    return text + "\n" + _bytes_of(text)


def _bytes_of(text: str) -> str:
    """The bytea columns, which are shown as hexadecimal, read as text."""
    found = [bytes.fromhex(part[: len(part) // 2 * 2]) for part in re.findall(r"\\x([0-9a-f]+)", text)]
    return b"\n".join(found).decode("utf-8", errors="replace")


async def test_what_is_planted_is_nowhere_in_the_open(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Numbers, names, texts, URLs, codes and access lie sealed and are never logged; answers show only their own."""
    world = await make_accounts_world(database, vault, clock)
    with capture_logs() as logs:
        answered = await _lived(world)
    words = (IBAN, NAME, TEXT, RETURN_URL, ADDRESS, AGENT, *MADE)
    places = {"rows": await _plain(database), "logs": orjson.dumps(logs, default=str).decode()}
    assert {place: word for place, told in places.items() for word in words if word in told} == {}
    shown = {name: orjson.dumps(each).decode() for name, each in answered.items()}
    found = {(name, word) for name, told in shown.items() for word in words if word in told}
    assert found == {("consent", RETURN_URL), ("transactions", TEXT)}


async def test_events_carry_no_secret_of_the_holder(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Merchants hear how a consent stands, and neither where its holder goes nor where they come back to."""
    world = await make_accounts_world(database, vault, clock)
    await _lived(world)
    rows = await database.fetch("SELECT partner_id, id, sealed_body FROM events WHERE type LIKE 'consent.%'")
    bodies = [
        orjson.loads(await vault.open(row["partner_id"], row["sealed_body"], b"events.body:" + row["id"].bytes))
        for row in rows
    ]
    assert [body["type"] for body in bodies] == ["consent.authorised"]
    assert (bodies[0]["data"]["return_url"], bodies[0]["data"]["authorisation"]) == (None, None)


async def test_sealed_values_are_sealed_anew(database: Pool, vault: Vault, clock: FakeClock) -> None:
    """Everything that a consent sealed opens with what the rotation of data keys binds it to."""
    world = await make_accounts_world(database, vault, clock)
    await _lived(world)
    waiting = await world.ask()
    assert waiting.consent.authorisation is not None
    opened = 0
    for column in SEALED_COLUMNS:
        if column.table in {"account_consents", "consent_accounts"}:
            query = f"SELECT partner_id, id, {column.column} AS sealed FROM {column.table}"  # noqa: S608
            for row in await database.fetch(query):
                if row["sealed"] is not None:
                    await vault.open(row["partner_id"], row["sealed"], column.context(row))
                    opened += 1
    assert opened >= 6
