from unittest.mock import Mock

import pytest
from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request

from gateway.http.replies import SECURITY_HEADERS, WholeResponse


async def sent(response: WholeResponse, method: str = "GET", **options: object) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body as they went out."""
    transport = Mock()
    transport.is_closing.return_value = False
    transport.get_write_buffer_size.return_value = 0
    request = make_mocked_request(method, "/", transport=transport, writer=Mock(output_size=0), **options)  # type: ignore[arg-type]
    await response.prepare(request)
    await response.write_eof()
    transport.write.assert_called_once()
    head, _, body = transport.write.call_args.args[0].partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def test_head_and_body_leave_in_one_write() -> None:
    """Status, security headers, those of the answer, length and date stand before the body."""
    status, headers, body = await sent(WholeResponse(201, b"{}", {"Location": "/v1/x"}))
    assert (status, body) == ("HTTP/1.1 201 Created", b"{}")
    assert headers.items() >= {**SECURITY_HEADERS, "Location": "/v1/x", "Content-Length": "2"}.items()
    assert headers["Date"].endswith("GMT")
    assert "Connection" not in headers


async def test_head_has_the_length_and_no_body() -> None:
    """RFC 9110 §9.3.2."""
    _, headers, body = await sent(WholeResponse(200, b"{}", {}), "HEAD")
    assert (headers["Content-Length"], body) == ("2", b"")


async def test_no_content_has_no_length() -> None:
    """RFC 9110 §8.6; any other empty answer says that it is empty."""
    assert "Content-Length" not in (await sent(WholeResponse(204, b"", {})))[1]
    assert (await sent(WholeResponse(202, b"", {})))[1]["Content-Length"] == "0"


@pytest.mark.parametrize(
    ("version", "ends", "said"),
    [(HttpVersion11, False, None), (HttpVersion11, True, "close"), (HttpVersion10, True, "close")],
)
async def test_the_end_of_the_connection_is_said_where_it_is_not_usual(
    version: object, said: str | None, *, ends: bool
) -> None:
    """RFC 9112 §9.3, for both versions of HTTP, of which we speak the newer."""
    response = WholeResponse(200, b"", {})
    status, told, _ = await sent(response, version=version, closing=ends)
    assert (told.get("Connection"), response.keep_alive) == (said, not ends)
    assert status.startswith("HTTP/1.1 ")  # RFC 9110 §2.5: our own version, whatever the caller's


async def test_a_header_cannot_begin_another_one() -> None:
    """Whatever a handler puts into a header: a line break in it is an error of ours, not a header of the caller's."""
    for value in ("x\r\nSet-Cookie: a=b", "x\n", "x\r"):
        with pytest.raises(ValueError, match="line break"):
            await sent(WholeResponse(200, b"", {"Location": value}))


async def test_a_header_of_the_answer_stands_instead_of_the_usual_one() -> None:
    """What a route says of caching counts."""
    _, headers, _ = await sent(WholeResponse(200, b"", {"Cache-Control": "max-age=60"}))
    assert headers["Cache-Control"] == "max-age=60"


async def test_nobody_is_there() -> None:
    """A caller that hung up is a lost connection, whatever the answer."""
    transport = Mock()
    transport.is_closing.return_value = True
    with pytest.raises(ConnectionError):
        await WholeResponse(200, b"", {}).prepare(make_mocked_request("GET", "/", transport=transport))
    transport.write.assert_not_called()
