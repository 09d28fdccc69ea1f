"""What our own transport proves, against servers that misbehave on every stage of a call."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.contract import Answered, NeverLeft, Outcome, Unknown
from adapters.engine import Engine, EngineSettings
from adapters.wire import WireRequest
from tests.support.banks import bank, engine
from tests.support.raw_server import Exchange, RawServer, Script, server_tls, serving
from tests.support.receivers import answering, staying

CAP = 4096
POST = WireRequest(method="POST", path="/payments", headers=(("Content-Type", "application/json"),), body=b'{"a":1}')
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def banks() -> AsyncIterator[Engine]:
    """An engine with quick deadlines and a small cap."""
    made = engine(settings=EngineSettings(reply_bytes_max=CAP))
    yield made
    await made.close()


async def resetting(exchange: Exchange) -> None:
    """Reads the request and resets the connection."""
    await exchange.read_request()
    exchange.reset()


async def dripping(exchange: Exchange) -> None:
    """Says its answer a byte at a time, and never ends."""
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *([b"x"] * 1000), pause_seconds=0.05)


async def closing_at_once(exchange: Exchange) -> None:
    """Closes without reading."""
    exchange.reset()


async def call(banks: Engine, server: RawServer, request: WireRequest = POST) -> Outcome:
    return await banks.perform(bank(server.url(path="")), request)


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("http://name.invalid", "name_not_resolved"),
        ("http://127.0.0.1:{closed}", "refused"),
        ("no-url", "bad_settings"),
    ],
)
async def test_before_a_connection_nothing_left(banks: Engine, base_url: str, why: str) -> None:
    """A call that finds no connection proves that no byte was written, and says why."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    outcome = await banks.perform(bank(base_url.format(closed=closed)), POST)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == why
    assert outcome.exchange.outcome == why


async def test_a_connect_timeout_never_left(banks: Engine) -> None:
    """A server that accepts no connection in time proves that no byte was written."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        outcome = await banks.perform(bank(f"http://127.0.0.1:{full.getsockname()[1]}"), POST)
        for other in others:
            other.close()
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "connect_timeout"


async def test_a_broken_handshake_never_left(banks: Engine) -> None:
    """A TLS handshake that does not complete proves that no byte of the request was written."""
    async with serving(answering(OK)) as server:
        outcome = await banks.perform(bank(server.url(path="").replace("http:", "https:")), POST)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why in {"tls_handshake", "connect_timeout", "connect_failed"}


async def test_an_untrusted_certificate_never_left(banks: Engine, tmp_path: Path) -> None:
    """A certificate that we do not trust ends the call before a byte is written."""
    tls, _ = server_tls(tmp_path, "localhost")
    async with serving(answering(OK), tls) as server:
        outcome = await banks.perform(bank(server.url("localhost", path="")), POST)
    assert isinstance(outcome, NeverLeft)
    assert outcome.why == "tls_handshake"


async def test_a_trusted_certificate_is_answered(banks: Engine, tmp_path: Path) -> None:
    """A bank with a certificate authority of its own is reached when the authority is in its settings."""
    tls, ca_file = server_tls(tmp_path, "localhost")
    options = {"tls_ca": ca_file.read_text(encoding="ascii")}
    async with serving(answering(OK), tls) as server:
        outcome = await banks.perform(bank(server.url("localhost", path=""), options=options), POST)
    assert isinstance(outcome, Answered)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param(staying(), "first_byte_timeout", id="silence"),
        pytest.param(resetting, "connection_lost", id="reset"),
        pytest.param(closing_at_once, "connection_lost", id="closed-unread"),
        pytest.param(answering(), "connection_lost", id="closed-after-reading"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), "body_broken", id="truncated"),
        pytest.param(staying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), "body_timeout", id="body-late"),
        pytest.param(dripping, "body_timeout", id="drip"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (CAP + 1)), "body_too_large", id="too-large"),
        pytest.param(answering(b"+OK this is no web server\r\n\r\n"), "not_http", id="not-http"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\ncontent-le"), "connection_lost", id="half-a-head"),
    ],
)
async def test_after_the_first_byte_the_outcome_is_unknown(banks: Engine, script: Script, why: str) -> None:
    """Once a byte may have been written, everything but a whole answer is unknown."""
    async with serving(script) as server:
        outcome = await call(banks, server)
        assert isinstance(outcome, Unknown)
        assert outcome.why == why
        assert server.connections == 1


@pytest.mark.parametrize("status", [200, 201, 302, 404, 409, 422, 429, 500, 503])
async def test_a_whole_answer_is_answered(banks: Engine, status: int) -> None:
    """A completely read answer is an answer whatever its status, and no redirect is followed."""
    head = f"HTTP/1.1 {status} Any\r\nlocation: /other\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\n".encode()
    async with serving(answering(head + b"{}")) as server:
        outcome = await call(banks, server)
        assert isinstance(outcome, Answered)
        assert (outcome.reply.status, outcome.reply.body) == (status, b"{}")
        assert server.connections == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("script", [resetting, answering()], ids=["reset", "closed"])
async def test_nothing_is_sent_twice(banks: Engine, method: str, script: Script) -> None:
    """The HTTP client's own repetition of idempotent methods on a broken connection is off."""
    async with serving(script) as server:
        outcome = await call(banks, server, WireRequest(method=method, path="/payments/1"))
        assert isinstance(outcome, Unknown)
        await asyncio.sleep(0)
        assert server.connections == 1


async def test_a_header_that_is_no_text_is_recorded_all_the_same(banks: Engine) -> None:
    """Bytes that are no UTF-8 become replacement marks: what a bank says must never keep its answer from being kept."""
    odd = b"HTTP/1.1 200 OK\r\nx-bank: caf\xe9\r\ncontent-length: 2\r\n\r\n{}"
    async with serving(answering(odd)) as server:
        outcome = await call(banks, server)
    assert isinstance(outcome, Answered)
    assert outcome.reply.headers["x-bank"] == "caf\ufffd"
    assert b"caf" in outcome.exchange.to_bytes()


async def test_every_call_has_a_connection_of_its_own(banks: Engine) -> None:
    """No call meets a kept-alive connection that the bank may have closed."""
    async with serving(answering(OK)) as server:
        await call(banks, server)
        await call(banks, server)
        assert server.connections == 2


async def test_the_sealed_bytes_are_what_is_sent(banks: Engine) -> None:
    """The body and every sealed header go out as they were sealed; only fresh headers differ between two sends."""
    seen: list[bytes] = []

    async def keeping(exchange: Exchange) -> None:
        seen.append(await exchange.read_request())
        await exchange.say(OK)

    request = WireRequest(
        method="POST",
        path="/p?q=%20",
        headers=(("Idempotency-Key", "k1"),),
        body=b"\x00\xffexact",
        fresh=("x-request-id",),
    )
    async with serving(keeping) as server:
        await call(banks, server, request)
        await call(banks, server, WireRequest.from_bytes(request.to_bytes()))
    first, second = (_lines(raw) for raw in seen)
    assert seen[0].startswith(b"POST /p?q=%20 HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\n\r\n\x00\xffexact")
    assert {line for line in first ^ second if not line.lower().startswith(b"x-request-id:")} == set()
    assert b"Idempotency-Key: k1" in first
    assert len(first ^ second) == 2


async def test_cancelling_lets_the_bank_be_called_again(banks: Engine) -> None:
    """A cancelled call gives its slot back."""
    async with serving(staying()) as server:
        task = asyncio.create_task(call(banks, server))
        while not server.connections:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with serving(answering(OK)) as server:
        assert isinstance(await banks.perform(bank(server.url(path=""), version=2), POST), Answered)


def _lines(raw: bytes) -> set[bytes]:
    return set(raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))
