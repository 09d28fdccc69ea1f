"""Webhooks through a forward proxy: where they may go is still checked here, and its failures are its own."""

import asyncio
import contextlib
import socket
from base64 import b64encode
from pathlib import Path

import pytest

from kernel.masked import Secret
from tests.integration.sending.conftest import BuildLean
from tests.support.authority import Authority
from tests.support.raw_server import Exchange, RawServer, Script, serving
from tests.support.receivers import SHORT_SECONDS, answering, in_time, post, serving_for_ever, staying
from webhooks.sending.destination import AllowList
from webhooks.sending.dialing.tunnel import EgressProxy
from webhooks.sending.model import ErrorClass

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Proxy:
    """A forward proxy that does as it is asked, and notes what that was."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def __call__(self, exchange: Exchange) -> None:
        head = await exchange.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await exchange.say(b"HTTP/1.1 200 Connection established\r\nvia: proxy\r\n\r\n")
        try:
            await asyncio.gather(carry(exchange.reader, writer), carry(reader, exchange.writer))
        finally:
            writer.transport.abort()


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


def through(server: RawServer, credentials: str = "") -> EgressProxy:
    """The settings that lead through that proxy."""
    return EgressProxy.parse(Secret(f"http://{credentials}127.0.0.1:{server.port}"))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_webhook_goes_through_the_proxy(lean: BuildLean, tmp_path: Path, scheme: str) -> None:
    """The proxy is asked for the address that was checked here, with our credentials; TLS is the receiver's own."""
    authority, proxy = Authority(tmp_path), Proxy()
    tls = authority.server() if scheme == "https" else None
    async with serving(proxy) as way, serving(serving_for_ever(OK), tls) as server:
        transport = lean(ca_file=str(authority.file), proxy=through(way, "ada:p%40ss@"))
        replies = [await transport.send(post(server.url("localhost"))) for _ in range(2)]
        assert way.connections == 1
    assert [reply.status for reply in replies] == [200, 200]
    lines = proxy.heads[0].split(b"\r\n")
    assert lines[0] == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1".encode()
    assert b"Proxy-Authorization: Basic " + b64encode(b"ada:p@ss") in lines
    assert (replies[0].timings.connect_us or 0) > 0


async def test_the_proxy_is_never_asked_for_a_private_address(lean: BuildLean) -> None:
    """The address check holds as it does without a proxy, although the proxy itself may stand at a private one."""
    proxy = Proxy()
    async with serving(proxy) as way:
        reply = await lean(AllowList(), proxy=through(way)).send(post("http://localhost:9/"))
    assert reply.error is ErrorClass.REFUSED_DESTINATION
    assert not proxy.heads


async def asks_for_credentials(exchange: Exchange) -> None:
    await exchange.reader.readuntil(b"\r\n\r\n")
    await exchange.say(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 2\r\n\r\nno")


FAILURES: dict[str, tuple[Script, str]] = {
    "407": (asks_for_credentials, "credentials"),
    "403": (answering(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "allow"),
    "502": (answering(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"), "reach"),
    "504": (answering(b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"), "answer"),
    "not HTTP": (answering(b"220 smtp.example ESMTP\r\n\r\n"), "no head of HTTP"),
    "a hang-up": (answering(b"HTTP/1.1 200 Conn"), "no head of HTTP"),
    "a head without end": (answering(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000), "no head of HTTP"),
    "words in the tunnel": (staying(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "into the tunnel"),
    "silence": (staying(), "egress proxy"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_the_proxys_failures_are_its_own(lean: BuildLean, name: str) -> None:
    """Whatever it says instead of opening the tunnel, or does not say in time, has the class of the proxy."""
    script, words = FAILURES[name]
    seconds = SHORT_SECONDS if name == "silence" else 10.0
    async with serving(script) as way:
        transport = lean(proxy=through(way), total_timeout_seconds=seconds)
        reply = await in_time(transport.send(post("http://127.0.0.1:9/")), seconds)
    assert (reply.status, reply.error) == (None, ErrorClass.PROXY)
    assert words in reply.detail


async def test_a_proxy_that_is_not_there(lean: BuildLean) -> None:
    """Nobody listening, or a name without address: the proxy's failure too."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = EgressProxy(host="127.0.0.1", port=unused.getsockname()[1])
        refused = await lean(proxy=proxy).send(post("http://127.0.0.1:9/"))
    nameless = await lean(proxy=EgressProxy(host="", port=1)).send(post("http://127.0.0.1:9/"))
    assert {refused.error, nameless.error} == {ErrorClass.PROXY}


async def test_what_comes_through_the_tunnel_is_the_receivers(lean: BuildLean, tmp_path: Path) -> None:
    """Once the tunnel is open, failures are the receiver's: its TLS, its silence, its hang-ups."""
    proxy = Proxy()
    async with (
        serving(proxy) as way,
        serving(staying(OK), Authority(tmp_path).server()) as untrusted,
        serving(staying()) as silent,
        serving(answering()) as gone,
    ):
        transport = lean(proxy=through(way), total_timeout_seconds=1.0)
        errors = [(await transport.send(post(each.url("localhost")))).error for each in (untrusted, silent, gone)]
    assert errors == [ErrorClass.TLS, ErrorClass.TIMEOUT, ErrorClass.RESET]


@pytest.mark.parametrize("url", ["https://proxy.example", "http://", "http://proxy.example:x", "http://p/path", "p:1"])
def test_an_impossible_proxy_is_refused(url: str) -> None:
    """At start, in words that repeat nothing of it."""
    with pytest.raises(ValueError, match="egress proxy") as refused:
        EgressProxy.parse(Secret(url))
    assert "path" not in str(refused.value)
