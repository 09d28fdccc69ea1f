"""What banks are shown: client assertions, tokens per scope, the payer's access; and that nothing of it is kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from joserfc import jwt

from adapters.contract import Answered, Bank, NeverLeft
from adapters.declaration import AuthProfile
from adapters.engine import Engine
from adapters.wire import Credential, Host, WireRequest
from kernel.clock import Clock
from kernel.masked import Secret
from tests.support.bank_keys import KEY_ID, signing_key, signing_pem
from tests.support.banks import bank, engine, plain
from tests.support.clock import FakeClock
from tests.support.raw_server import Exchange, serving

PAYMENTS = WireRequest(method="GET", path="/payments", scope="payments")
ACCOUNTS = WireRequest(method="GET", path="/payments", scope="accounts")
AS_PAYER = WireRequest(method="GET", path="/payments", credential=Credential.PAYER)
FORM = b"grant_type=authorization_code&code=c0de-of-payer&code_verifier=v3rifier&redirect_uri=https%3A%2F%2Fexample"
EXCHANGE = WireRequest(
    method="POST",
    path="/",
    headers=(("Content-Type", "application/x-www-form-urlencoded"),),
    body=FORM,
    host=Host.TOKEN,
    credential=Credential.CLIENT,
)


class FakeBank:
    """A bank whose authorisation server takes assertions by our key and no other; it notes what it was shown."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, str]] = []
        self.claims: list[dict[str, Any]] = []
        self.presented: list[str] = []
        self.statuses: list[int] = []

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        assertion = jwt.decode(form["client_assertion"], signing_key(), algorithms=["PS256"])
        assert assertion.header == {"alg": "PS256", "kid": KEY_ID, "typ": "JWT"}
        self.claims.append(assertion.claims)
        self.asked.append(form)
        number = len(self.asked)
        scope = form.get("scope", "none")
        return web.json_response(
            {"access_token": f"{scope}-{number}", "refresh_token": "refr3sh", "id_token": "1d", "expires_in": 300}
        )

    async def payments(self, request: web.Request) -> web.Response:
        self.presented.append(request.headers.get("Authorization", ""))
        return web.json_response({}, status=self.statuses.pop(0) if self.statuses else 200)

    def bank(self, **options: str) -> Bank:
        chosen = {"token_url": f"{self.url}/token", "client_id": "our-client", "signing_key_id": KEY_ID, **options}
        return bank(self.url, secrets={"signing_key": signing_pem().reveal()}, options=chosen)


@pytest.fixture
async def far() -> AsyncIterator[FakeBank]:
    """The bank, listening."""
    fake = FakeBank()
    app = web.Application()
    app.add_routes([web.post("/token", fake.token), web.get("/payments", fake.payments)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def banks() -> AsyncIterator[Engine]:
    """An engine for banks that want assertions."""
    ours = by_assertion(FakeClock())
    yield ours
    await ours.close()


def by_assertion(clock: Clock) -> Engine:
    return engine({"plain": plain(AuthProfile.OAUTH_PRIVATE_KEY_JWT)}, clock=clock)


async def test_a_token_is_fetched_by_an_assertion_for_each_scope(far: FakeBank, banks: Engine) -> None:
    """Each scope has its own token, asked for once, by a client assertion with the claims of RFC 7523 §3."""
    for request in (PAYMENTS, ACCOUNTS, PAYMENTS, ACCOUNTS):
        assert isinstance(await banks.perform(far.bank(), request), Answered)
    assert far.presented == ["Bearer payments-1", "Bearer accounts-2", "Bearer payments-1", "Bearer accounts-2"]
    assert [form["grant_type"] for form in far.asked] == ["client_credentials"] * 2
    first, second = far.claims
    now = int(FakeClock().now().timestamp())
    assert first["iss"] == first["sub"] == "our-client"
    assert (first["aud"], first["iat"], first["exp"]) == (f"{far.url}/token", now, now + 60)
    assert first["jti"] != second["jti"]


async def test_the_audience_is_the_issuer_where_the_bank_names_one(far: FakeBank, banks: Engine) -> None:
    """The option `issuer` stands before the token endpoint's address."""
    await banks.perform(far.bank(issuer="https://as.example"), PAYMENTS)
    assert far.claims[0]["aud"] == "https://as.example"


async def test_a_code_is_exchanged_as_a_client_and_no_credential_is_kept(far: FakeBank, banks: Engine) -> None:
    """The assertion is added to the form as it leaves, anew at each send; what is recorded opens nothing."""
    outcomes = [await banks.perform(far.bank(), EXCHANGE) for _ in range(2)]
    assert far.asked[0]["client_assertion"] != far.asked[1]["client_assertion"]
    assert far.asked[0]["client_assertion_type"].endswith("client-assertion-type:jwt-bearer")
    assert (far.asked[0]["code"], far.asked[0]["code_verifier"]) == ("c0de-of-payer", "v3rifier")
    assert isinstance(outcomes[0], Answered)
    assert orjson.loads(outcomes[0].reply.body)["access_token"] == "none-1"
    recorded = outcomes[0].exchange.to_bytes().decode()
    secrets = ("c0de-of-payer", "v3rifier", far.asked[0]["client_assertion"], "none-1", "refr3sh", '"1d"')
    assert not [secret for secret in secrets if secret in recorded]
    assert "grant_type=authorization_code" in recorded
    assert "client_assertion=••••" in recorded
    assert '"access_token":"••••"' in recorded


async def test_the_payers_access_is_presented_and_never_ours_instead(far: FakeBank, banks: Engine) -> None:
    """A call as the payer carries the payer's access; without one nothing leaves, and no token of ours is fetched."""
    assert isinstance(await banks.perform(far.bank(), AS_PAYER, Secret("payers-access")), Answered)
    for access in (None, Secret("line\nbreak"), Secret("")):
        without = await banks.perform(far.bank(), AS_PAYER, access)
        assert isinstance(without, NeverLeft)
        assert without.why == "no_token"
    assert far.presented == ["Bearer payers-access"]
    assert not far.asked


async def test_a_bank_that_refuses_every_token_is_not_asked_for_one_at_each_call(far: FakeBank) -> None:
    """A refused token is thrown away once; if the next one is refused as well, it is kept for a minute."""
    clock = FakeClock()
    banks = by_assertion(clock)
    far.statuses = [401] * 30
    for _ in range(10):
        await banks.perform(far.bank(), PAYMENTS)
    assert len(far.asked) == 2
    clock.advance(60)
    for _ in range(10):
        await banks.perform(far.bank(), PAYMENTS)
    assert len(far.asked) == 3
    await banks.close()


async def test_the_refusal_of_a_payers_access_costs_none_of_our_tokens(far: FakeBank, banks: Engine) -> None:
    """401 to the payer's access says nothing about ours."""
    await banks.perform(far.bank(), PAYMENTS)
    far.statuses = [401]
    await banks.perform(far.bank(), AS_PAYER, Secret("payers-access"))
    await banks.perform(far.bank(), PAYMENTS)
    assert len(far.asked) == 1


@pytest.mark.parametrize("missing", ["signing_key_id", "client_id", "signing_key"])
async def test_settings_that_cannot_sign_never_leave(far: FakeBank, banks: Engine, missing: str) -> None:
    """Without a usable key of ours no token is asked for, and the reason names the settings."""
    whole = far.bank()
    options = {name: value for name, value in whole.settings.options.items() if name != missing}
    secrets = {} if missing == "signing_key" else {"signing_key": "no key"}
    outcome = await banks.perform(bank(far.url, secrets=secrets, options=options), PAYMENTS)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "bad_settings"
    assert not far.asked


async def test_a_call_for_a_token_has_the_banks_deadlines(banks: Engine) -> None:
    """An authorisation server that is silent costs one deadline, and then the call never left."""

    async def silent(exchange: Exchange) -> None:
        await exchange.until_closed()

    far = FakeBank()
    async with serving(silent) as server:
        far.url = server.url(path="")
        outcome = await asyncio.wait_for(banks.perform(far.bank(), PAYMENTS), 3)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "no_token"
