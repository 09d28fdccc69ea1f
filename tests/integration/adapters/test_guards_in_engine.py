"""One bad bank does not hurt others: bulkheads, breakers and tokens on real connections."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from adapters.contract import Answered, Bank, NeverLeft, Unknown
from adapters.declaration import AuthProfile
from adapters.engine import Engine, EngineMetrics, EngineSettings
from adapters.engine.credentials import NoToken, Token, TokenPlace
from adapters.engine.guards import BreakerPolicy, BulkheadPolicy
from adapters.wire import WireRequest
from kernel.clock import CorrectedClock
from tests.support.banks import bank, engine, plain
from tests.support.clock import FakeClock
from tests.support.raw_server import Exchange, serving

GET = WireRequest(method="GET", path="/payments")
NARROW = BulkheadPolicy(running_max=1, waiting_max=1, wait_seconds=0.05)


class FakeBank:
    """A bank with a token endpoint; `answers` are the statuses of the next calls."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.tokens_given = 0
        self.presented: list[str] = []
        self.url = ""
        self.release = asyncio.Event()
        self.release.set()

    async def payments(self, request: web.Request) -> web.Response:
        self.presented.append(request.headers.get("Authorization", ""))
        await self.release.wait()
        headers = {"Retry-After": "7"} if self.answers[:1] == [429] else {}
        return web.json_response({}, status=self.answers.pop(0) if self.answers else 200, headers=headers)

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        assert (form["client_id"], form["client_secret"]) == ("us", "s3cret & more")
        self.tokens_given += 1
        return web.json_response({"access_token": f"t{self.tokens_given}", "expires_in": 300})


@pytest.fixture
async def far() -> AsyncIterator[FakeBank]:
    """The bank, listening."""
    fake = FakeBank()
    app = web.Application()
    app.add_routes([web.get("/payments", fake.payments), web.post("/token", fake.token)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    fake.release.set()
    await runner.cleanup()


async def test_a_full_bulkhead_begins_no_call(far: FakeBank) -> None:
    """A call for which there is no slot in time never left, and the bank did not see it."""
    banks = engine(settings=EngineSettings(bulkhead=NARROW))
    far.release.clear()
    first = asyncio.create_task(banks.perform(bank(far.url), GET))
    while not far.presented:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    outcomes = await asyncio.gather(*(banks.perform(bank(far.url), GET) for _ in range(3)))
    far.release.set()
    assert [outcome.why for outcome in outcomes if isinstance(outcome, NeverLeft)] == ["bulkhead"] * 3
    assert isinstance(await first, Answered)
    assert len(far.presented) == 1
    await banks.close()


async def test_reads_take_no_slot_and_no_breaker_of_payments(far: FakeBank) -> None:
    """A bank whose account information hangs or fails still gets its payments at once, and the other way round."""
    policy = EngineSettings(bulkhead=NARROW, breaker=BreakerPolicy(failures_max=1))
    banks = engine(settings=policy)
    far.release.clear()
    hanging = asyncio.create_task(banks.read(bank(far.url), GET))
    while not far.presented:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    paying = asyncio.create_task(banks.perform(bank(far.url), GET))
    while len(far.presented) < 2:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    assert isinstance(await banks.read(bank(far.url), GET), NeverLeft)
    far.release.set()
    assert isinstance(await hanging, Answered)
    assert isinstance(await paying, Answered)
    far.answers = [500]
    await banks.read(bank(far.url), GET)
    assert isinstance(await banks.read(bank(far.url), GET), NeverLeft)
    assert isinstance(await banks.perform(bank(far.url), GET), Answered)
    await banks.close()


async def test_a_bank_that_fails_is_spared_and_probed(far: FakeBank) -> None:
    """After failures in a row no call leaves; after the pause one probe does, and its success lets all through."""
    clock = FakeClock()
    policy = BreakerPolicy(failures_max=2, open_seconds=10)
    banks = engine(settings=EngineSettings(breaker=policy), clock=clock)
    far.answers = [500, 503, 200]
    for _ in range(2):
        assert isinstance(await banks.perform(bank(far.url), GET), Answered)
    refused = await banks.perform(bank(far.url), GET)
    assert isinstance(refused, NeverLeft)
    assert (refused.why, refused.retry_after_seconds) == ("breaker_open", 10)
    clock.advance(10)
    assert isinstance(await banks.perform(bank(far.url), GET), Answered)
    assert isinstance(await banks.perform(bank(far.url), GET), Answered)
    await banks.close()


async def test_explicit_refusals_never_open_the_breaker(far: FakeBank) -> None:
    """A bank that refuses payments is alive."""
    banks = engine(settings=EngineSettings(breaker=BreakerPolicy(failures_max=2)))
    far.answers = [422, 400, 409, 404, 422, 422]
    outcomes = [await banks.perform(bank(far.url), GET) for _ in range(7)]
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    await banks.close()


async def test_a_bank_that_asks_for_a_pause_gets_it(far: FakeBank) -> None:
    """After 429 with Retry-After no call leaves until the time is up."""
    clock = FakeClock()
    banks = engine(clock=clock)
    far.answers = [429]
    await banks.perform(bank(far.url), GET)
    waiting = await banks.perform(bank(far.url), GET)
    assert isinstance(waiting, NeverLeft)
    assert waiting.retry_after_seconds == 7
    clock.advance(7)
    assert isinstance(await banks.perform(bank(far.url), GET), Answered)
    await banks.close()


async def test_a_dead_bank_does_not_slow_another(far: FakeBank) -> None:
    """Calls that hang at one bank hold none of another bank's slots."""

    async def silent(exchange: Exchange) -> None:
        await exchange.until_closed()

    banks = engine(settings=EngineSettings(bulkhead=NARROW))
    other = bank(far.url)
    async with serving(silent) as server:
        dead = replace(bank(server.url(path="")), id="dead-bank")
        hanging = asyncio.create_task(banks.perform(dead, GET))
        assert isinstance(await banks.perform(other, GET), Answered)
        assert not hanging.done()
        assert isinstance(await hanging, Unknown)
    await banks.close()


async def test_a_token_is_fetched_once_for_all_who_wait(far: FakeBank) -> None:
    """Concurrent calls without a token share one fetch; the token is used until it is nearly over."""
    clock = FakeClock()
    banks = engine({"plain": plain(AuthProfile.OAUTH_CLIENT_CREDENTIALS)}, clock=clock)
    await asyncio.gather(*(banks.perform(with_oauth(far), GET) for _ in range(5)))
    assert far.presented == ["Bearer t1"] * 5
    clock.advance(269)
    await banks.perform(with_oauth(far), GET)
    clock.advance(1)
    await banks.perform(with_oauth(far), GET)
    assert far.presented[5:] == ["Bearer t1", "Bearer t2"]
    await banks.close()


async def test_a_refused_token_is_forgotten(far: FakeBank) -> None:
    """After 401 the next call presents a new token; the refused call itself is not repeated."""
    banks = engine({"plain": plain(AuthProfile.OAUTH_CLIENT_CREDENTIALS)})
    far.answers = [401]
    assert isinstance(await banks.perform(with_oauth(far), GET), Answered)
    await banks.perform(with_oauth(far), GET)
    assert far.presented == ["Bearer t1", "Bearer t2"]
    await banks.close()


@pytest.mark.parametrize("token_url", ["http://127.0.0.1:1/token", "{far}/payments", "{far}/none", ""])
async def test_without_a_token_nothing_leaves(far: FakeBank, token_url: str) -> None:
    """A call for which there is no token never left."""
    banks = engine({"plain": plain(AuthProfile.OAUTH_CLIENT_CREDENTIALS)})
    outcome = await banks.perform(with_oauth(far, token_url.format(far=far.url)), GET)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "no_token"
    assert not far.presented
    await banks.close()


async def test_a_call_that_could_not_begin_in_time_never_leaves(far: FakeBank) -> None:
    """Leases count on it that a call begins within its deadline, whatever it waited for."""

    class NeverReady:
        async def get(self, place: TokenPlace, fetch: object, seconds_max: float) -> Token:  # noqa: ARG002 - the port's
            await asyncio.Event().wait()
            raise NoToken

        async def forget(self, place: TokenPlace, token: Token) -> None:
            """Nothing is kept."""

    declarations = {"plain": plain(AuthProfile.OAUTH_CLIENT_CREDENTIALS)}
    banks = Engine(declarations, CorrectedClock(), EngineMetrics.on(CollectorRegistry()), tokens=NeverReady())
    outcome = await asyncio.wait_for(banks.perform(with_oauth(far), GET), 5)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "no_token"
    assert not far.presented
    await banks.close()


async def test_credentials_stand_in_no_record(far: FakeBank) -> None:
    """What is recorded of a call shows that a credential was sent and not which."""
    banks = engine({"plain": plain(AuthProfile.BEARER_STATIC)})
    outcome = await banks.perform(bank(far.url, secrets={"token": "s3cret-token"}), GET)
    assert far.presented == ["Bearer s3cret-token"]
    recorded = outcome.exchange.to_bytes()
    assert b"s3cret-token" not in recorded
    assert b"Authorization" in recorded
    assert "s3cret-token" not in repr(outcome)
    await banks.close()


async def test_new_settings_are_used_at_once_and_old_ones_never_again(far: FakeBank) -> None:
    """A bank's new version gets a new line; a caller that still holds the old one uses the new one too."""
    banks = engine({"plain": plain(AuthProfile.BEARER_STATIC)})
    old = bank(far.url, secrets={"token": "old"})
    new = bank(far.url, secrets={"token": "new"}, version=2)
    for each in (old, new, old):
        await banks.perform(each, GET)
    assert far.presented == ["Bearer old", "Bearer new", "Bearer new"]
    await banks.close()


async def test_unusable_settings_never_leave(far: FakeBank) -> None:
    """Unknown adapters, broken certificates and tokens that are no header values end before a connection."""
    banks = engine({"plain": plain(AuthProfile.BEARER_STATIC)})
    broken = [
        bank(far.url, adapter="unknown"),
        bank(far.url, secrets={"token": "t", "tls_certificate": "no", "tls_key": "pem"}, version=2),
        bank(far.url, secrets={"token": "line\nbreak"}, version=3),
    ]
    outcomes = [await banks.perform(each, GET) for each in broken]
    whys = [outcome.why for outcome in outcomes if isinstance(outcome, NeverLeft)]
    assert whys == ["bad_settings", "bad_settings", "no_token"]
    assert not far.presented
    await banks.close()


def with_oauth(far: FakeBank, token_url: str | None = None) -> Bank:
    url = f"{far.url}/token" if token_url is None else token_url
    secrets = {"client_id": "us", "client_secret": "s3cret & more"}
    return bank(far.url, secrets=secrets, options={"token_url": url})
