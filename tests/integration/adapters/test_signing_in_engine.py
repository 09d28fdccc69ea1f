"""Requests are signed as they leave, and an answer that had to be signed and was not proves nothing."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest
from aiohttp import web

from adapters import signing
from adapters.contract import Answered, BankSettings, NeverLeft, Unknown
from adapters.declaration import AuthProfile
from adapters.engine import Engine, preparing
from adapters.signing import Signable, SigningProfile
from adapters.wire import WireReply, WireRequest
from tests.support.banks import bank, engine, plain

SIGNED = WireRequest(
    method="POST",
    path="/payments?a=b",
    headers=(("Content-Type", "application/json"),),
    body=b'{"amount":"1.00"}',
    fresh=("x-request-id",),
    signed=True,
)
ASKED = WireRequest(method="GET", path="/payments", signed_answer=True)
PLAIN = WireRequest(method="GET", path="/payments")
KEY = "shared by both sides of this test"
PROFILES = signing.profiles()


class SharedKey:
    """A profile for tests: an HMAC over the request's line, two headers and the body."""

    def headers(self, call: Signable, settings: BankSettings, now: datetime) -> dict[str, str]:
        """The signature. Raises ValueError without a key."""
        if "key" not in settings.secrets:
            raise ValueError("there is no key")
        assert now.tzinfo is not None
        parts = (call.method, call.path, call.headers["x-request-id"], call.headers["authorization"])
        return {"X-Signature": mac("\n".join(parts).encode() + call.body)}

    def believes(self, reply: WireReply, settings: BankSettings, now: datetime) -> bool:  # noqa: ARG002 - the port's
        """Whether the answer's body carries the bank's."""
        return hmac.compare_digest(reply.headers["x-signature"], mac(reply.body))


def mac(over: bytes) -> str:
    return hmac.new(KEY.encode(), over, hashlib.sha256).hexdigest()


class FakeBank:
    """Checks signatures, and signs its answers unless told otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self.signature: str | None = mac(b"{}")
        self.seen: list[str] = []
        self.id: str | None = None

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            head = (request.method, request.path_qs, request.headers["x-request-id"], request.headers["Authorization"])
            assert request.headers["X-Signature"] == mac("\n".join(head).encode() + await request.read())
        self.seen.append(request.headers.get("X-Signature", ""))
        headers = {} if self.signature is None else {"X-Signature": self.signature}
        if self.id is not None:
            headers["X-Request-ID"] = self.id or request.headers["X-Request-ID"].upper()
        return web.Response(body=b"{}", content_type="application/json", headers=headers)


@pytest.fixture
async def far() -> AsyncIterator[FakeBank]:
    """The bank, listening."""
    fake = FakeBank()
    app = web.Application()
    app.add_routes([web.route("*", "/api/payments", fake.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def banks(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine for banks with the test's profile."""
    known: dict[str, SigningProfile] = {**PROFILES, "shared_key": SharedKey()}
    monkeypatch.setattr(preparing, "profiles", lambda: known)
    ours = engine({"plain": replace(plain(AuthProfile.BEARER_STATIC), signing="shared_key")})
    yield ours
    await ours.close()


SECRETS = {"token": "t", "key": KEY}


async def test_each_send_is_signed_over_what_leaves(far: FakeBank, banks: Engine) -> None:
    """The signature covers the whole path, the fresh headers, the credential and the body, and is new at each send."""
    for _ in range(2):
        assert isinstance(await banks.perform(bank(far.url, secrets=SECRETS), SIGNED), Answered)
    assert far.seen[0] != far.seen[1]


@pytest.mark.parametrize("request_", [SIGNED, ASKED], ids=["signed", "signed answer"])
@pytest.mark.parametrize("signature", [None, "", mac(b"another body")], ids=["none", "empty", "forged"])
async def test_an_answer_that_had_to_be_signed_is_unknown_without(
    far: FakeBank, banks: Engine, request_: WireRequest, signature: str | None
) -> None:
    """A complete 200 whose signature is missing or wrong is no evidence, and the record says why."""
    far.signature = signature
    outcome = await banks.perform(bank(far.url, secrets=SECRETS), request_)
    assert isinstance(outcome, Unknown)
    assert outcome.why == "unsigned_answer"
    assert (outcome.exchange.outcome, outcome.exchange.status_code) == ("unsigned_answer", 200)


SAME, FOREIGN = "", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"


@pytest.mark.parametrize(
    ("told", "options", "why"),
    [
        (FOREIGN, {}, "foreign_answer"),
        (SAME, {}, None),
        (None, {}, None),
        (FOREIGN, {"answer_ids": "checked"}, "foreign_answer"),
        (FOREIGN, {"answer_ids": "ignored"}, None),
    ],
)
async def test_an_answer_to_another_request_is_unknown(
    far: FakeBank, banks: Engine, told: str | None, options: dict[str, str], why: str | None
) -> None:
    """A bank plays X-Request-ID back: another one than ours is no evidence, unless this bank never plays it back."""
    far.id = told
    outcome = await banks.perform(bank(far.url, secrets=SECRETS, options=options), SIGNED)
    assert (outcome.why if isinstance(outcome, Unknown) else None) == why


async def test_an_answer_knows_its_request_as_it_left(far: FakeBank, banks: Engine) -> None:
    """With what was made anew for this send, and without what is secret."""
    outcome = await banks.perform(bank(far.url, secrets=SECRETS), SIGNED)
    assert isinstance(outcome, Answered)
    request = outcome.reply.request
    assert request is not None
    assert (request.method, request.path, request.body) == (SIGNED.method, SIGNED.path, SIGNED.body)
    assert {name.lower() for name, _ in request.headers} == {"content-type", "x-request-id"}


async def test_an_answer_that_needs_no_signature_is_taken_as_it_is(far: FakeBank, banks: Engine) -> None:
    """Only what the request says is checked: a bank of this profile need not sign everything."""
    far.signature = None
    assert isinstance(await banks.perform(bank(far.url, secrets=SECRETS), PLAIN), Answered)


async def test_without_a_key_nothing_leaves(far: FakeBank, banks: Engine) -> None:
    """A request that cannot be signed never left."""
    outcome = await banks.perform(bank(far.url, secrets={"token": "t"}), SIGNED)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "bad_settings"
    assert not far.seen


def test_profiles_are_found_by_their_modules() -> None:
    """Each module of the folder with a profile is one; the profile `none` signs nothing and believes all."""
    none = PROFILES["none"]
    call = Signable(method="GET", path="/", headers={}, body=b"")
    settings, now = BankSettings(base_url=""), datetime.now().astimezone()
    assert none.headers(call, settings, now) == {}
    assert none.believes(WireReply(status=200), settings, now)
    assert "profile" not in PROFILES
