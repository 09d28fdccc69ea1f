"""What every transport does with servers that behave, misbehave, or are not there."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.raw_server import Exchange, Script, server_tls, serving
from tests.support.receivers import CAP, LONG_SECONDS, SHORT_SECONDS, Build, answering, in_time, post, staying
from webhooks.sending.destination import AllowList
from webhooks.sending.model import ErrorClass
from webhooks.sending.transport import BodyState, WireRequest


async def reset_before_head(exchange: Exchange) -> None:
    await exchange.read_request()
    exchange.reset()


async def reset_within_head(exchange: Exchange) -> None:
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-le", pause_seconds=0.05)
    exchange.reset()


async def reset_within_body(exchange: Exchange) -> None:
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome", pause_seconds=0.1)
    exchange.reset()


async def half_close(exchange: Exchange) -> None:
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    exchange.writer.write_eof()
    await exchange.until_closed()


async def early_413(exchange: Exchange) -> None:
    await exchange.reader.readuntil(b"\r\n\r\n")
    await exchange.say(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await exchange.until_closed()


async def drip(exchange: Exchange, start: bytes, drop: bytes) -> None:
    await exchange.read_request()
    await exchange.say(start)
    while True:
        await exchange.say(drop, pause_seconds=0.02)


async def dripping_head(exchange: Exchange) -> None:
    await drip(exchange, b"HTTP/1.1 200 OK\r\nx-a: ", b"b")


async def dripping_body(exchange: Exchange) -> None:
    await drip(exchange, b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n", b"b")


async def early_hints_for_ever(exchange: Exchange) -> None:
    await drip(exchange, b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")


async def huge_body(exchange: Exchange) -> None:
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n", *([b"x" * 100_000] * 500))


async def endless_chunks(exchange: Exchange) -> None:
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        await exchange.say(b"400\r\n" + b"x" * 1024 + b"\r\n")


ANSWERED: dict[str, tuple[Script, int, BodyState]] = {
    "200": (staying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), 200, BodyState.COMPLETE),
    "204": (staying(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, BodyState.COMPLETE),
    "204 with content-length": (staying(b"HTTP/1.1 204 X\r\ncontent-length: 0\r\n\r\n"), 204, BodyState.COMPLETE),
    "204 with a body": (answering(b"HTTP/1.1 204 X\r\ncontent-length: 2\r\n\r\nok"), 204, BodyState.COMPLETE),
    "204 with a body later": (answering(b"HTTP/1.1 204 X\r\n\r\n", b"ok", pause_seconds=0.1), 204, BodyState.COMPLETE),
    "rubbish after a 200": (answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokXXXX"), 200, BodyState.COMPLETE),
    "rubbish after connection: close": (
        answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nokXXXX"),
        200,
        BodyState.COMPLETE,
    ),
    "the first of two answers counts": (
        answering(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        500,
        BodyState.COMPLETE,
    ),
    "100 and 103 before the answer": (
        answering(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n"),
        202,
        BodyState.COMPLETE,
    ),
    "101": (answering(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), 101, BodyState.COMPLETE),
    "a redirect is not followed": (
        answering(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
        302,
        BodyState.COMPLETE,
    ),
    "101 that does not upgrade": (answering(b"HTTP/1.1 101 X\r\n\r\n"), 101, BodyState.COMPLETE),
    "200 that offers to upgrade": (
        staying(b"HTTP/1.1 200 OK\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok"),
        200,
        BodyState.COMPLETE,
    ),
    "a lone line end after the answer": (answering(b"HTTP/1.1 204 X\r\n\r\n\r\n"), 204, BodyState.COMPLETE),
    "status 600": (answering(b"HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n"), 600, BodyState.COMPLETE),
    "a large body in one piece with its head": (
        staying(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000),
        200,
        BodyState.CAPPED,
    ),
    "HTTP/1.0": (answering(b"HTTP/1.0 200 OK\r\n\r\nok"), 200, BodyState.COMPLETE),
    "body until close": (answering(b"HTTP/1.1 200 OK\r\n\r\nok"), 200, BodyState.COMPLETE),
    "half-close": (half_close, 200, BodyState.COMPLETE),
    "early 413": (early_413, 413, BodyState.COMPLETE),
    "status 799": (answering(b"HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n"), 799, BodyState.COMPLETE),
    "a body that stalls": (staying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"), 200, BodyState.LATE),
    "a body that drips": (dripping_body, 200, BodyState.LATE),
    "a body that is cut": (answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"), 200, BodyState.BROKEN),
    "a reset within the body": (reset_within_body, 200, BodyState.BROKEN),
    "a body with a bad chunk": (
        answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"zz\r\n", pause_seconds=0.1),
        200,
        BodyState.BROKEN,
    ),
    "a body with a bad chunk at once": (
        answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        200,
        BodyState.BROKEN,
    ),
    "a huge body": (huge_body, 200, BodyState.CAPPED),
    "endless chunks": (endless_chunks, 200, BodyState.CAPPED),
}

FAILED: dict[str, tuple[Script, ErrorClass]] = {
    "silence": (staying(), ErrorClass.TIMEOUT),
    "a head that drips": (dripping_head, ErrorClass.TIMEOUT),
    "103 for ever": (early_hints_for_ever, ErrorClass.TIMEOUT),
    "closed without an answer": (answering(), ErrorClass.RESET),
    "reset before the head": (reset_before_head, ErrorClass.RESET),
    "reset within the head": (reset_within_head, ErrorClass.RESET),
    "not HTTP": (answering(b"SSH-2.0-OpenSSH_9.9\r\n"), ErrorClass.PROTOCOL),
    "two lengths": (
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok"),
        ErrorClass.PROTOCOL,
    ),
    "a length beside chunks": (
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ErrorClass.PROTOCOL,
    ),
    "a length that is none": (
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nok"),
        ErrorClass.PROTOCOL,
    ),
    "a header with a space in its name": (
        answering(b"HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 0\r\n\r\n"),
        ErrorClass.PROTOCOL,
    ),
    "a status of four digits": (
        answering(b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n"),
        ErrorClass.PROTOCOL,
    ),
    "many headers": (
        answering(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000 + b"content-length: 0\r\n\r\n"),
        ErrorClass.PROTOCOL,
    ),
    "a head without end": (answering(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000), ErrorClass.PROTOCOL),
}


@pytest.mark.parametrize("name", ANSWERED)
async def test_an_answer_is_what_its_head_says(build: Build, name: str) -> None:
    """Once the head is read the status stands, whatever comes of the body; the deadline holds."""
    script, status, state = ANSWERED[name]
    seconds = SHORT_SECONDS if state is BodyState.LATE else LONG_SECONDS
    async with serving(script) as server:
        reply = await in_time(build(seconds=seconds).send(post(server.url())), seconds)
    assert (reply.status, reply.error, reply.body_state) == (status, None, state)
    assert len(reply.body) <= CAP


@pytest.mark.parametrize("name", FAILED)
async def test_a_failure_before_the_head_has_a_class(build: Build, name: str) -> None:
    """Without a whole head there is no status, but a class of error, within the deadline."""
    script, error = FAILED[name]
    seconds = SHORT_SECONDS if error is ErrorClass.TIMEOUT else LONG_SECONDS
    async with serving(script) as server:
        reply = await in_time(build(seconds=seconds).send(post(server.url())), seconds)
    assert (reply.status, reply.error) == (None, error)
    assert reply.detail


async def test_a_large_early_refusal_is_read(build: Build) -> None:
    """A 413 that comes while the body is still being written is the answer."""
    async with serving(early_413) as server:
        reply = await build().send(post(server.url(), b"x" * 1_000_000))
    assert reply.status == 413


async def test_the_request_is_exactly_what_was_asked_for(build: Build) -> None:
    """Only Host and Content-Length are added, and the body goes out byte for byte."""
    seen: list[bytes] = []

    async def script(exchange: Exchange) -> None:
        seen.append(await exchange.read_request())
        await exchange.say(b"HTTP/1.1 204 X\r\n\r\n")

    async with serving(script) as server:
        await build().send(post(server.url(path="/a?b=%2Fc"), b'{"\xc3\xa9": 1}'))
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a?b=%2Fc HTTP/1.1"
    names = sorted(line.split(b":")[0].lower() for line in lines[1:])
    assert names == [b"content-length", b"content-type", b"host", b"webhook-id"]
    assert body == b'{"\xc3\xa9": 1}'


async def test_a_get_has_no_body(build: Build) -> None:
    """Keys are read with the same care as webhooks are sent: the method goes out, and nothing follows the head."""
    seen: list[bytes] = []

    async def script(exchange: Exchange) -> None:
        seen.append(await exchange.read_request())
        await exchange.say(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}")

    async with serving(script) as server:
        url = server.url(path="/keys")
        reply = await build().send(WireRequest(url=url, headers=(("accept", "a/b"),), body=b"", method="GET"))
    assert (reply.status, reply.body) == (200, b"{}")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"GET /keys HTTP/1.1\r\n")
    assert sorted(line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]) == [b"accept", b"host"]
    assert body == b""


async def test_connections_are_kept_and_cookies_are_not(build: Build) -> None:
    """Two sends in a row use one connection, and a cookie that was set is not sent back."""
    seen: list[bytes] = []

    async def script(exchange: Exchange) -> None:
        for _ in range(2):
            seen.append(await exchange.read_request())
            await exchange.say(b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n")

    async with serving(script) as server:
        transport = build()
        first = await transport.send(post(server.url("localhost")))
        second = await transport.send(post(server.url("localhost")))
        assert server.connections == 1
    assert (first.status, second.status) == (200, 200)
    assert b"cookie:" not in seen[1].lower()
    assert first.timings.dns_us is not None
    assert first.timings.connect_us is not None
    assert second.timings.connect_us is None
    assert first.timings.total_us >= (first.timings.first_byte_us or 0) > 0


async def test_a_stray_answer_is_not_the_next_requests(build: Build) -> None:
    """What a server says while a connection is idle is never taken for the answer to the next request."""
    calls = 0

    async def script(exchange: Exchange) -> None:
        nonlocal calls
        calls += 1
        status = b"500 X" if calls == 1 else b"202 X"
        await exchange.read_request()
        await exchange.say(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await exchange.until_closed()

    async with serving(script) as server:
        transport = build()
        first = await transport.send(post(server.url()))
        await asyncio.sleep(0.05)
        second = await transport.send(post(server.url()))
    assert (first.status, second.status) == (500, 202)


async def test_trailers_are_not_believed(build: Build) -> None:
    """What follows a chunked body is no header: a Retry-After there would have been."""
    chunks = b"2\r\nok\r\n0\r\nretry-after: 9\r\nwebhook-delivery: disable\r\n\r\n"
    said = b"HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\ntrailer: retry-after\r\n\r\n" + chunks
    async with serving(staying(said)) as server:
        reply = await build().send(post(server.url()))
    assert (reply.status, reply.body) == (500, b"ok")
    assert [name.lower() for name, _ in reply.headers] == ["transfer-encoding", "trailer"]


async def test_headers_in_any_bytes_are_read(build: Build) -> None:
    """Header values may hold any bytes (RFC 9110 §5.5); what becomes of them can be stored as text."""
    async with serving(staying(b"HTTP/1.1 200 OK\r\nx: \xff\xe9\r\ncontent-length: 0\r\n\r\n")) as server:
        reply = await build().send(post(server.url()))
    assert dict(reply.headers)["x"] == "\xff\xe9"


async def test_a_header_that_is_two_lines_never_leaves(build: Build) -> None:
    """A line end within a header would be another header, or another request: it is our fault, and nothing is sent."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        request = replace(post(server.url()), headers=(("x", "a\r\nwebhook-id: b"),))
        reply = await build().send(request)
    assert reply.error is ErrorClass.INTERNAL


@pytest.mark.parametrize("url", ["nonsense", "ftp://localhost/", "http:///path", "https://", "http://localhost:x/"])
async def test_a_url_that_leads_nowhere(build: Build, url: str) -> None:
    """It fails like a name without address, and raises nothing."""
    reply = await build().send(post(url))
    assert reply.error is ErrorClass.DNS


async def test_a_refused_connection_is_named_so(build: Build) -> None:
    """Nobody listening is a connect error."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reply = await build().send(post(f"http://127.0.0.1:{unused.getsockname()[1]}/"))
    assert reply.error is ErrorClass.CONNECT


async def test_a_name_without_address_is_a_dns_error(build: Build) -> None:
    """A name under .invalid (RFC 2606) never has an address."""
    reply = await build().send(post("http://nowhere.invalid/"))
    assert reply.error in {ErrorClass.DNS, ErrorClass.TIMEOUT}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"]
)
async def test_no_spelling_of_a_private_address_is_reached(build: Build, host: str) -> None:
    """Without an allow-list nothing connects to loopback, however it is written."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        reply = await build(AllowList()).send(post(server.url(host)))
        assert server.connections == 0
    assert reply.error in {ErrorClass.REFUSED_DESTINATION, ErrorClass.DNS}
    if host in {"127.0.0.1", "localhost"}:
        assert reply.error is ErrorClass.REFUSED_DESTINATION


async def test_an_allowed_host_may_be_private(build: Build) -> None:
    """A name on the allow-list is reached wherever it leads; its address written out is not."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as server:
        transport = build(AllowList.parse(["localhost"]))
        by_name = await transport.send(post(server.url("localhost")))
        by_address = await transport.send(post(server.url("127.0.0.1")))
    assert by_name.status == 200
    assert by_address.error is ErrorClass.REFUSED_DESTINATION


async def test_tls_is_verified_for_the_name(build: Build, tmp_path: Path) -> None:
    """A trusted certificate for the host passes and its handshake is timed; self-signed or for another host fails."""
    ok = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    right, right_file = server_tls(tmp_path, "localhost")
    wrong, wrong_file = server_tls(tmp_path, "shop.example")
    async with serving(ok, right) as good, serving(ok, wrong) as other:
        trusted = await build(ca_file=str(right_file)).send(post(good.url("localhost")))
        unknown = await build().send(post(good.url("localhost")))
        elsewhere = await build(ca_file=str(wrong_file)).send(post(other.url("localhost")))
    assert trusted.status == 200
    assert (trusted.timings.tls_us or 0) > 0
    assert (unknown.error, elsewhere.error) == (ErrorClass.TLS, ErrorClass.TLS)


async def test_a_server_without_tls_is_a_tls_error(build: Build) -> None:
    """Plain HTTP on an https URL fails in the handshake; so does silence, as a timeout."""
    async with serving(answering_anything) as plain, serving(silent) as mute:
        reply = await build().send(post(plain.url("localhost").replace("http:", "https:")))
        late = await in_time(
            build(seconds=SHORT_SECONDS).send(post(mute.url("localhost").replace("http:", "https:"))), SHORT_SECONDS
        )
    assert reply.error is ErrorClass.TLS
    assert late.error is ErrorClass.TIMEOUT
    assert "handshake" in late.detail


async def test_a_slow_receiver_does_not_slow_another(build: Build) -> None:
    """Fifty silent servers' worth of sends leave another receiver's answer as quick as ever."""
    async with serving(staying()) as slow, serving(answering(b"HTTP/1.1 204 X\r\n\r\n")) as quick:
        transport = build(seconds=1.0)
        hanging = [asyncio.ensure_future(transport.send(post(slow.url()))) for _ in range(50)]
        await asyncio.sleep(0)
        reply = await transport.send(post(quick.url()))
        assert reply.status == 204
        assert not any(task.done() for task in hanging)
        assert {answer.error for answer in await asyncio.gather(*hanging)} == {ErrorClass.TIMEOUT}


async def answering_anything(exchange: Exchange) -> None:
    await exchange.reader.read(100)
    await exchange.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def silent(exchange: Exchange) -> None:
    await exchange.until_closed()
