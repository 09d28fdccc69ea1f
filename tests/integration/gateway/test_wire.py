"""What comes over the wire: every way of writing a request, onto the routes that are found without aiohttp's router."""

import asyncio

import orjson
import pytest

from tests.support.edge import Edge

_BODY = b'{"type":"a.b","data":{}}'
_LENGTH = b"Content-Length: %d\r\n" % len(_BODY)
_PATH = b"/v1/events"
# How a request may be written: target, version, further headers, body.
_GOOD = {
    "plain": (_PATH, b"1.1", _LENGTH, _BODY),
    "with a query": (_PATH + b"?", b"1.1", _LENGTH, _BODY),
    "percent-encoded": (b"/v1/event%73", b"1.1", _LENGTH, _BODY),
    "absolute": (b"http://x/v1/events", b"1.1", _LENGTH, _BODY),
    "expecting": (_PATH, b"1.1", _LENGTH + b"Expect: 100-continue\r\n", _BODY),
    "chunked": (_PATH, b"1.1", b"Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(_BODY), _BODY)),
    "old": (_PATH, b"1.0", _LENGTH, _BODY),
}
_BAD = {
    "length and chunks": _LENGTH + b"Transfer-Encoding: chunked\r\n",
    "two lengths": _LENGTH + b"Content-Length: 5\r\n",
    "a list of lengths": b"Content-Length: %d, 5\r\n" % len(_BODY),
    "a signed length": b"Content-Length: +%d\r\n" % len(_BODY),
    "chunks not last": b"Transfer-Encoding: chunked, identity\r\n",
    "a folded header": _LENGTH + b"X-A: b\r\n c\r\n",
    "a space before the colon": b"Content-Length : %d\r\n" % len(_BODY),
}


def request(token: str, target: bytes, version: bytes, headers: bytes, body: bytes) -> bytes:
    usual = b"Host: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n" % token.encode()
    return b"POST %b HTTP/%b\r\n%b%b\r\n%b" % (target, version, usual, headers, body)


async def say(edge: Edge, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    return reader, writer


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next final answer: status and body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    status = int(head.split(b" ")[1])
    if status == 100:
        return await answer(reader)
    length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
    return status, await reader.readexactly(length)


@pytest.mark.parametrize("shape", _GOOD)
async def test_however_it_is_written_the_answer_is_the_same(edge: Edge, shape: str) -> None:
    """What is not written exactly as in the table of routes is found by the router, and served by the same handler."""
    party = await edge.party()
    reader, writer = await say(edge, request(party.token, *_GOOD[shape]))
    status, body = await answer(reader)
    assert (status, orjson.loads(body)["object"]) == (201, "event")
    writer.close()


@pytest.mark.parametrize("shape", _BAD)
async def test_requests_that_could_be_read_in_two_ways_are_refused(edge: Edge, shape: str) -> None:
    """RFC 9112 §6.3 and §11.2: 400, and the connection ends, so that nothing behind it is taken for a request."""
    party = await edge.party()
    hidden = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, writer = await say(edge, request(party.token, _PATH, b"1.1", _BAD[shape], _BODY + hidden))
    assert (await answer(reader))[0] == 400
    assert await reader.read() == b""
    writer.close()


async def test_requests_of_one_connection_are_answered_in_their_order(edge: Edge) -> None:
    """Also when they come at once, and one of them is refused."""
    party = await edge.party()
    good, bad = request(party.token, *_GOOD["plain"]), request("nobody's", *_GOOD["plain"])
    reader, writer = await say(edge, good + bad + good + good[:50], good[50:])
    assert [(await answer(reader))[0] for _ in range(4)] == [201, 401, 201, 201]
    writer.close()


async def test_a_body_that_comes_in_pieces_is_read_to_its_end(edge: Edge) -> None:
    """Up to the route's cap, which is told whether or not the length was."""
    party = await edge.party()
    whole = request(party.token, *_GOOD["plain"])
    reader, writer = await say(edge, whole[:-10], whole[-10:-5], whole[-5:])
    assert (await answer(reader))[0] == 201
    writer.close()
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    reader, writer = await say(edge, request(party.token, _PATH, b"1.1", b"Transfer-Encoding: chunked\r\n", piece * 6))
    assert (await answer(reader))[0] == 413
    writer.close()


async def test_an_old_client_keeps_its_connection_where_it_asks_to(edge: Edge) -> None:
    """HTTP/1.0 with keep-alive is told so and served again; without it the connection ends (RFC 9112 §9.3)."""
    get = b"GET /livez HTTP/1.0\r\nHost: x\r\n%b\r\n"
    reader, writer = await say(edge, get % b"Connection: keep-alive\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"HTTP/1.1 200 OK\r\n" in head
    assert b"Connection: keep-alive\r\n" in head
    writer.write(get % b"")
    last = await reader.read()
    assert (last.count(b"HTTP/1.1 200"), last.count(b"\r\nConnection: close\r\n")) == (1, 1)
    writer.close()


async def test_a_number_that_could_not_be_passed_on_as_it_is_is_refused(edge: Edge) -> None:
    """JSON parsers round whole numbers beyond 64 bits; a merchant would be told another number than was sent."""
    party = await edge.party()
    headers = {"Content-Type": "application/json"}
    for number, status in ((b"18446744073709551615", 201), (b"18446744073709551616", 422)):
        body = b'{"type":"a.b","data":{"order":%b}}' % number
        answer = await edge.call("POST", "/v1/events", token=party.token, data=body, headers=headers)
        assert answer.status == status, answer.raw
    assert answer.pointers() == {"/data/order"}
    event = (await edge.call("GET", "/v1/events", token=party.token)).raw
    assert b"18446744073709551615" in event
