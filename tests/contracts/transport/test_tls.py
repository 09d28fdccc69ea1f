"""What every transport does with certificates: the receivers', and those that endpoints show."""

import datetime as dt
from pathlib import Path

import pytest

from tests.support.authority import Authority
from tests.support.raw_server import Exchange, serving
from tests.support.receivers import Build, post, serving_for_ever, staying
from webhooks.sending.model import ErrorClass

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PAST = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that the transports of a test may trust."""
    return Authority(tmp_path)


BAD = {
    "expired": ("localhost", PAST),
    "another host": ("shop.example", None),
    "issuer is unknown": ("localhost", None),
}


@pytest.mark.parametrize("words", BAD)
async def test_a_bad_certificate_is_named(build: Build, authority: Authority, words: str) -> None:
    """People are told what is wrong with a certificate, and no byte of a webhook is sent to who shows it."""
    seen: list[bytes] = []

    async def script(exchange: Exchange) -> None:
        seen.append(await exchange.read_request())

    async with serving(script, authority.server(*BAD[words])) as server:
        transport = build(ca_file=None if "unknown" in words else str(authority.file))
        reply = await transport.send(post(server.url("localhost")))
    assert reply.error is ErrorClass.TLS
    assert words in reply.detail
    assert not seen


async def test_the_end_of_a_certificate_is_told_once_per_connection(build: Build, authority: Authority) -> None:
    """A send that made a connection says when the receiver's certificate ends; one on a kept connection does not."""
    ends = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=12)
    async with serving(serving_for_ever(OK), authority.server(ends=ends)) as server:
        transport = build(ca_file=str(authority.file))
        first = await transport.send(post(server.url("localhost")))
        second = await transport.send(post(server.url("localhost")))
    assert (first.certificate_expires_at, second.certificate_expires_at) == (ends, None)
    assert (first.timings.tls_us or 0) > 0
    assert second.timings.tls_us is None


async def test_an_endpoint_shows_its_certificate(build: Build, authority: Authority) -> None:
    """With its client certificate it is let in; nobody else is, not even on a connection that it left open."""
    pair = authority.pair("client")
    async with serving(serving_for_ever(OK), authority.server_for_clients_of(authority)) as server:
        transport = build(ca_file=str(authority.file))
        url = server.url("localhost")
        shown = await transport.send(post(url, certificate=pair))
        without = await transport.send(post(url))
        again = await transport.send(post(url, certificate=pair))
        other = await transport.send(post(url, certificate=authority.pair("another")))
        assert server.connections == 2  # the one that was refused never came so far
    assert (shown.status, again.status, other.status) == (200, 200, 200)
    assert again.timings.connect_us is None
    assert other.timings.tls_us is not None
    assert without.error in {ErrorClass.TLS, ErrorClass.RESET}


async def test_a_certificate_that_cannot_be_used_is_our_fault(build: Build, authority: Authority) -> None:
    """A locked key is refused without asking anybody for its password, and the endpoint is not blamed."""
    locked = authority.pair("client", lock=b"planted-secret")
    async with serving(staying(OK), authority.server()) as server:
        reply = await build(ca_file=str(authority.file)).send(post(server.url("localhost"), certificate=locked))
    assert reply.error is ErrorClass.INTERNAL
    assert "certificate" in reply.detail
