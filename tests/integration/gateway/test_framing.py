"""Requests that two servers in a row could read differently (RFC 9112 §11.2), and what every answer carries."""

import asyncio
import contextlib
import re
from dataclasses import replace
from ipaddress import ip_network

import pytest
from prometheus_client import CollectorRegistry

from gateway.app import build_app
from gateway.health import Health
from gateway.http.replies import SECURITY_HEADERS
from gateway.limits.gate import Admission
from gateway.limits.policy import LimitClass
from tests.support.edge import PROXIES, Edge, listening

_POST = b"POST /banks/nobody/notifications HTTP/1.1\r\nHost: a\r\n"
_GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"
_NEXT = b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

REFUSED = {
    "length and chunks": _POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + _END,
    "chunks and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + _END,
    "two lengths": _POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "one length twice": _POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": _POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": _POST + b"Content-Length: +3\r\n\r\nabc",
    "a length in hex": _POST + b"Content-Length: 0x3\r\n\r\nabc",
    "space before the colon": _POST + b"Content-Length : 3\r\n\r\nabc",
    "two codings": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _END,
    "a coding twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + _END,
    "another coding": _POST + b"Transfer-Encoding: identity\r\n\r\nabc",
    "almost chunked": _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _END,
    "chunked with a control": _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _END,
    "chunked in HTTP/1.0": _CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + _END,
    "folded header": _GET + b"X-A: b\r\n c\r\n\r\n",
    "folded first header": b"GET /livez HTTP/1.1\r\n Host: a\r\n\r\n",
    "bare LF after the request line": b"GET /livez HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF in headers": _GET + b"X-A: b\nX-B: c\r\n\r\n",
    "bare CR in headers": _GET + b"X-A: b\rX-B: c\r\n\r\n",
    "bare LF at the end": _GET + b"\n",
    "bare LF in a chunk extension": _CHUNKED + b"3;\nabc\r\n" + _END,
    "bare LF around chunks": _CHUNKED + b"3\nabc\n0\n\n",
    "a chunk's length with 0x": _CHUNKED + b"0x3\r\nabc\r\n" + _END,
    "a chunk's length with a space": _CHUNKED + b"3 \r\nabc\r\n" + _END,
    "a chunk's length below zero": _CHUNKED + b"-3\r\nabc\r\n" + _END,
    "a chunk's length beyond all bounds": _CHUNKED + b"f" * 17 + b"\r\nabc\r\n" + _END,
    "a chunk longer than it says": _CHUNKED + b"3\r\nabcd\r\n" + _END,
    "two hosts": _GET + b"Host: b\r\n\r\n",
    "one host twice": _GET + b"Host: a\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "an empty host": b"GET /livez HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a path": b"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with credentials": b"GET /livez HTTP/1.1\r\nHost: b@a\r\n\r\n",
    "a list of hosts": b"GET /livez HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a URL of another host": b"GET http://b/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a URL with credentials": b"GET http://u:p@a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is no path": b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "two authorizations": _GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "one authorization twice": _GET + b"Authorization: Bearer a\r\nauthorization: Bearer a\r\n\r\n",
    "two content types": _POST + b"Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n",
    "NUL in a value": _GET + b"X-A: b\x00\r\n\r\n",
    "no colon": _GET + b"abc\r\n\r\n",
    "no name": _GET + b": b\r\n\r\n",
    "another version": b"GET /livez HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2 without a word": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in words": b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n",
    "HTTP/0.9 in words": b"GET /livez HTTP/0.9\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /livez#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment behind parameters": b"GET /livez?a=b#c HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment of a URL": b"GET http://a/livez#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a URL of another scheme": b"GET ftp://a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "everything": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
}
TAKEN = {
    "a URL of this host": b"GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "a port": b"GET /livez HTTP/1.1\r\nHost: a:8080\r\n\r\n",
    "an IPv6 address": b"GET /livez HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    "everything": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol, if we like": _GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "no host in HTTP/1.0": b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "chunks": _CHUNKED + b"3\r\nabc\r\n" + _END,
}


async def _answers(edge: Edge, sent: bytes) -> bytes:
    """All that comes back for the bytes and an innocent request behind them, until the connection ends."""
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    first = rest = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            first = await reader.read(65_536)
    with contextlib.suppress(ConnectionError):
        writer.write(_NEXT)
        async with asyncio.timeout(5):
            rest = await reader.read()
    writer.close()
    return first + rest


async def test_ambiguous_requests_are_refused_and_nothing_behind_them_is_served(edge: Edge) -> None:
    """One 400 with a problem document and all security headers; then the connection ends, whatever else was sent."""
    for name, sent in REFUSED.items():
        raw = await _answers(edge, sent)
        assert re.findall(rb"HTTP/[0-9.]+ (\d+)", raw) == [b"400"], (name, raw)
        assert raw.startswith(b"HTTP/1.1 "), name
        assert b'"code":"malformed_request"' in raw, name
        assert not _missing(raw), name


async def test_what_is_clear_is_served(edge: Edge) -> None:
    """The same bytes without the ambiguity get their answer, and the request behind them its own."""
    for name, sent in TAKEN.items():
        raw = await _answers(edge, sent)
        statuses = re.findall(rb"HTTP/1\.[01] (\d+)", raw)
        assert len(statuses) == 2, (name, raw)
        assert b"400" not in statuses, name


async def test_no_tunnel_is_opened(edge: Edge) -> None:
    """CONNECT is not found, and its connection ends: what follows is nobody's request."""
    for target in (b"a:80", b"/livez"):
        raw = await _answers(edge, b"CONNECT " + target + b" HTTP/1.1\r\nHost: a:80\r\n\r\n")
        assert re.findall(rb"HTTP/1\.[01] (\d+)", raw) == [b"404"], target
        assert b"\r\nConnection: close\r\n" in raw, target


@pytest.mark.parametrize("admin", [False, True])
async def test_every_answer_carries_the_security_headers(edge: Edge, *, admin: bool) -> None:
    """Found or not, allowed or not, on both ports; and no browser of another origin is let in."""
    base = edge.admin_url if admin else edge.url
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method, path in (
        ("GET", "/livez"),
        ("HEAD", "/readyz"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/nowhere"),
        ("GET", "/v1/payments"),
        ("GET", "/admin/v1/partners"),
        ("DELETE", "/livez"),
        ("OPTIONS", "/v1/payments"),
        ("OPTIONS", "/admin/v1/partners"),
        ("TRACE", "/livez"),
    ):
        async with edge.session.request(method, base + path, headers=origin) as answer:
            given = {name.lower() for name in answer.headers}
            assert {name.lower() for name in SECURITY_HEADERS} <= given, (method, path)
            assert "x-request-id" in given, (method, path)
            assert not {name for name in given if name.startswith("access-control")}, (method, path)
            if method in {"OPTIONS", "TRACE"}:
                assert answer.status in {404, 405}, (method, path)


async def test_forwarded_headers_are_believed_from_our_proxies_only(edge: Edge) -> None:
    """On a real socket, a caller's own X-Forwarded-For chooses nothing; a proxy's does. The log line tells which."""
    addresses: list[str] = []

    async def heard(_: object, limit: LimitClass, address: str) -> Admission:
        addresses.append(address)
        return await gate.admit_address(limit, address)

    gate = edge.services.gate
    listener = type("Listener", (), {"admit_address": heard})()
    trusted = (ip_network("127.0.0.0/8"),)
    for proxies, expected in (((), "127.0.0.1"), (trusted, "192.0.2.7")):
        health = Health(edge.services.health._pool, gate, CollectorRegistry())
        services = replace(edge.services, proxies=proxies, gate=listener, health=health)
        async with listening(build_app(services)) as url:
            headers = {
                "X-Forwarded-For": "198.51.100.1",
                "Forwarded": "for=198.51.100.2",
                "X-Real-IP": "198.51.100.3",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Proto": "ftp",
            }
            # The proxy's own entry comes as a line of its own, as some proxies send it.
            lines = [*headers.items(), ("X-Forwarded-For", "192.0.2.7")]
            async with edge.session.post(f"{url}/oauth/token", headers=lines) as answer:
                assert answer.status == 400
            assert addresses.pop() == expected
            async with edge.session.get(f"{url}/.well-known/oauth-authorization-server", headers=headers) as answer:
                assert "evil" not in await answer.text()


async def test_strict_transport_is_said_over_https_only(edge: Edge) -> None:
    """RFC 6797 §7.2: where a proxy of ours says so, by one word of its own; never to a caller's own header."""
    health = Health(edge.services.health._pool, edge.services.gate, CollectorRegistry())
    app = build_app(replace(edge.services, health=health))
    for proxies, lines, said in (
        (PROXIES, ["https"], True),
        (PROXIES, ["HTTPS "], True),
        (PROXIES, ["http"], False),
        (PROXIES, ["https", "http"], False),
        (PROXIES, ["https, http"], False),
        (PROXIES, [], False),
        ((ip_network("192.0.2.0/24"),), ["https"], False),
        ((), ["https"], False),
    ):
        async with listening(app, proxies) as url:
            headers = [("X-Forwarded-Proto", line) for line in lines]
            for path in ("/livez", "/nowhere"):
                async with edge.session.get(url + path, headers=headers) as answer:
                    assert ("Strict-Transport-Security" in answer.headers) is said, (proxies, lines, path)


def _missing(raw: bytes) -> set[str]:
    head = raw.partition(b"\r\n\r\n")[0].lower()
    return {name for name in SECURITY_HEADERS if f"\r\n{name.lower()}: ".encode() not in head}


_ENOUGH = 32 * 1024 * 1024


async def _streamed(edge: Edge, head: bytes, piece: bytes) -> tuple[bytes, int]:
    """What is answered, and how much was taken, where one piece follows another until the connection ends."""
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answered, sent = asyncio.create_task(_until_the_end(reader)), 0
    writer.write(head)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            while not answered.done() and sent < _ENOUGH:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
    raw = await asyncio.wait_for(answered, 5)
    writer.close()
    return raw, sent


async def _until_the_end(reader: asyncio.StreamReader) -> bytes:
    raw = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            raw += part
    return raw


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (_CHUNKED + b"3;", b"a=" + b"b" * 8_192 + b";"),
        (_CHUNKED, b"1;" + b"a" * 8_192 + b"\r\nx\r\n"),
        (_CHUNKED, b"1\r\n \r\n"),
    ],
    ids=["one extension without end", "an extension for each byte", "a byte for each chunk"],
)
async def test_chunks_that_outweigh_their_body_are_refused(edge: Edge, head: bytes, piece: bytes) -> None:
    """413 with a problem document, long before the body's time is over, and the connection ends."""
    started = asyncio.get_running_loop().time()
    raw, sent = await _streamed(edge, head, piece)
    assert raw.startswith(b"HTTP/1.1 413 "), raw
    assert b"\r\nConnection: close\r\n" in raw
    assert b'"code":"body_too_large"' in raw
    assert sent < _ENOUGH
    assert asyncio.get_running_loop().time() - started < 5


async def test_chunks_that_outweigh_their_body_are_not_read_once_it_was_answered(edge: Edge) -> None:
    """A request that is refused by its head ends its connection all the same."""
    head = b"POST /v1/payments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;"
    raw, sent = await _streamed(edge, head, b"a" * 16_384)
    assert re.findall(rb"HTTP/[0-9.]+ (\d+)", raw) == [b"401"]
    assert sent < _ENOUGH


async def test_a_chunk_that_is_none_is_refused_when_it_comes(edge: Edge) -> None:
    """Also where what came before it could be read."""
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for part in (_CHUNKED + b"3\r\nabc\r\n", b"3\r\nabcdef\r\n" + _END):
        writer.write(part)
        await asyncio.sleep(0.1)
    raw = await reader.read()
    writer.close()
    assert re.findall(rb"HTTP/[0-9.]+ (\d+)", raw) == [b"400"], raw
    assert b'"code":"malformed_request"' in raw
