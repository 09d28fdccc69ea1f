"""When a connection serves again, when a request is said again, and what never happens."""

import asyncio
import contextlib
import gc
import socket
import ssl
import weakref
from pathlib import Path

import pytest

from tests.integration.sending.conftest import BuildLean
from tests.support.authority import Authority
from tests.support.raw_server import Exchange, Script, serving
from tests.support.receivers import SHORT_SECONDS, in_time, post, serving_for_ever, staying
from tests.support.webhooks import until
from webhooks.sending.lean_transport import connection as connections
from webhooks.sending.model import ErrorClass
from webhooks.sending.transport import BodyState

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Second:
    """A receiver that answers the first request of its first connection, and does something else at the second."""

    def __init__(self, then: Script) -> None:
        self._then = then
        self.requests = 0
        self.connections = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.connections += 1
        is_first = self.connections == 1
        while True:
            await exchange.read_request()
            self.requests += 1
            if is_first and self.requests > 1:
                await self._then(exchange)
                return
            await exchange.say(OK)


async def says_nothing(_exchange: Exchange) -> None: ...


async def resets(exchange: Exchange) -> None:
    exchange.reset()


async def says_a_byte(exchange: Exchange) -> None:
    await exchange.say(b"H")


@pytest.mark.parametrize("then", [says_nothing, resets])
async def test_a_kept_connection_that_had_died_is_no_failure(lean: BuildLean, then: Script) -> None:
    """A kept connection that ends before a byte of answer: the request is said again, once, on a new one."""
    receiver = Second(then)
    async with serving(receiver) as server:
        transport = lean()
        replies = [await transport.send(post(server.url())) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert (receiver.requests, receiver.connections) == (3, 2)
    assert "again" in replies[1].detail
    assert replies[1].timings.connect_us is not None


async def test_once_a_byte_has_come_nothing_is_said_again(lean: BuildLean) -> None:
    """The receiver has seen that request: it is a failure, and no second request is made."""
    receiver = Second(says_a_byte)
    async with serving(receiver) as server:
        transport = lean()
        await transport.send(post(server.url()))
        reply = await transport.send(post(server.url()))
    assert (reply.error, receiver.requests) == (ErrorClass.RESET, 2)
    assert "within the head" in reply.detail


async def test_a_new_connection_that_dies_is_a_failure(lean: BuildLean) -> None:
    """Only a kept connection earns a second chance, and that is on a new one."""
    requests = 0

    async def receiver(exchange: Exchange) -> None:
        nonlocal requests
        await exchange.read_request()
        requests += 1

    async with serving(receiver) as server:
        reply = await lean().send(post(server.url()))
    assert (reply.error, requests) == (ErrorClass.RESET, 1)
    assert "not a byte" in reply.detail


async def test_a_kept_connection_that_is_silent_is_a_timeout(lean: BuildLean) -> None:
    """The deadline is the end: nothing is said again after it."""

    async def waits(exchange: Exchange) -> None:
        await exchange.until_closed()

    receiver = Second(waits)
    async with serving(receiver) as server:
        transport = lean(total_timeout_seconds=SHORT_SECONDS)
        await transport.send(post(server.url()))
        reply = await in_time(transport.send(post(server.url())), SHORT_SECONDS)
    assert (reply.error, receiver.requests) == (ErrorClass.TIMEOUT, 2)


LAST_WORDS = {
    "connection: close": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "more than the answer": OK + b"x",
    "two answers": OK + OK,
    "beyond the cap": b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n" + b"x" * 9000,
    "101": b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("name", LAST_WORDS)
async def test_an_unfit_connection_never_serves_again(lean: BuildLean, name: str) -> None:
    """After such an answer the next request goes out on a new connection, and is answered there."""
    async with serving(serving_for_ever(LAST_WORDS[name])) as server:
        transport = lean()
        replies = [await transport.send(post(server.url())) for _ in range(2)]
        assert server.connections == 2
    assert replies[0].status == replies[1].status
    assert replies[0].body_state is (BodyState.CAPPED if "cap" in name else BodyState.COMPLETE)


async def test_words_while_idle_end_a_connection(lean: BuildLean) -> None:
    """A late 408 on an idle connection is nobody's answer; the connection is gone before the next request."""
    closed = asyncio.Event()

    async def receiver(exchange: Exchange) -> None:
        await exchange.read_request()
        await exchange.say(OK, pause_seconds=0.05)
        await exchange.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await exchange.until_closed()
        closed.set()

    async with serving(receiver) as server:
        transport = lean()
        first = await transport.send(post(server.url()))
        await closed.wait()
        second = await transport.send(post(server.url()))
        assert server.connections == 2
    assert (first.status, second.status, second.detail) == (200, 200, "")


async def test_an_idle_connection_is_closed_in_time(lean: BuildLean) -> None:
    """After keep_alive_seconds the connection is given back, though nothing is sent."""
    closed = asyncio.Event()

    async def receiver(exchange: Exchange) -> None:
        await exchange.read_request()
        await exchange.say(OK)
        await exchange.until_closed()
        closed.set()

    async with serving(receiver) as server:
        await lean(keep_alive_seconds=0.1).send(post(server.url()))
        async with asyncio.timeout(5):
            await closed.wait()


async def test_an_early_refusal_leaves_an_unfit_connection(lean: BuildLean) -> None:
    """An answer that comes while the request is still being written counts, but such a connection is not kept."""

    async def receiver(exchange: Exchange) -> None:
        await exchange.reader.readuntil(b"\r\n\r\n")
        await exchange.say(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
        await asyncio.sleep(10)

    async with serving(receiver) as server:
        transport = lean()
        for _ in range(2):
            assert (await transport.send(post(server.url(), b"x" * 20_000_000))).status == 413
        assert server.connections == 2


async def test_many_at_once_have_a_connection_each(lean: BuildLean) -> None:
    """No request waits behind another; afterwards the connections are kept and used again."""
    asked = 0
    all_asked = asyncio.Event()

    async def receiver(exchange: Exchange) -> None:
        nonlocal asked
        while True:
            await exchange.read_request()
            asked += 1
            if asked == 40:
                all_asked.set()
            await all_asked.wait()
            await exchange.say(OK)

    async with serving(receiver) as server:
        transport = lean()
        for _ in range(2):
            replies = await asyncio.gather(*(transport.send(post(server.url())) for _ in range(40)))
            assert {reply.status for reply in replies} == {200}
        assert server.connections == 40


async def test_a_cancelled_send_closes_its_connection(lean: BuildLean) -> None:
    """Whoever gives up a send frees the receiver at once; the connection is never kept half-read."""
    asked, closed = asyncio.Event(), asyncio.Event()

    async def receiver(exchange: Exchange) -> None:
        await exchange.read_request()
        asked.set()
        await exchange.until_closed()
        closed.set()

    async with serving(receiver) as server:
        sending = asyncio.create_task(lean().send(post(server.url())))
        await asked.wait()
        sending.cancel()
        async with asyncio.timeout(5):
            await closed.wait()
    assert sending.cancelled()


async def test_a_capped_answer_frees_the_receiver_at_once(lean: BuildLean) -> None:
    """A body that drips on for ever after the cap holds nothing: the exchange ends with the first byte beyond it."""

    async def receiver(exchange: Exchange) -> None:
        await exchange.read_request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 5000)
        await exchange.until_closed()

    async with serving(receiver) as server:
        reply = await in_time(lean(total_timeout_seconds=8.0).send(post(server.url())), 1.0)
    assert (reply.status, reply.body_state) == (200, BodyState.CAPPED)


async def test_a_closed_connection_needs_no_garbage_collector(lean: BuildLean, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parser and reader let go of each other, so that memory is free as soon as a connection ends."""
    seen: list[weakref.ref[connections.ReplyReader]] = []

    class Watched(connections.ReplyReader):
        """A reader that can be watched."""

        __slots__ = ("__weakref__",)

        def __init__(self, head_bytes_max: int, body_bytes_max: int) -> None:
            super().__init__(head_bytes_max, body_bytes_max)
            seen.append(weakref.ref(self))

    monkeypatch.setattr("webhooks.sending.lean_transport.transport.ReplyReader", Watched)
    async with serving(staying(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))) as server:
        gc.disable()
        try:
            await lean().send(post(server.url()))
            await until(lambda: seen[0]() is None)
        finally:
            gc.enable()


async def test_a_client_certificate_asked_for_later_is_named(lean: BuildLean, tmp_path: Path) -> None:
    """TLS 1.3 refuses a missing certificate only after our side of the handshake: it is still a matter of TLS."""
    authority = Authority(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving_once = asyncio.create_task(
            asyncio.to_thread(refuse_handshake, listening, authority.server_for_clients_of(authority))
        )
        url = f"https://localhost:{listening.getsockname()[1]}/"
        reply = await lean(ca_file=str(authority.file)).send(post(url))
        await serving_once
    assert (reply.error, reply.detail) == (ErrorClass.TLS, "the server wants a client certificate")


def refuse_handshake(listening: socket.socket, tls: ssl.SSLContext) -> None:
    """One handshake that fails, with its alert; asyncio's servers close without a word."""
    raw, _ = listening.accept()
    with raw.dup() as kept:
        with contextlib.suppress(ssl.SSLError):
            tls.wrap_socket(raw, server_side=True)
        while kept.recv(65_536):
            pass
