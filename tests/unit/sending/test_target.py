"""URLs and headers as the bytes of a request."""

import pytest

from webhooks.sending.lean_transport.target import parse_target, request_bytes
from webhooks.sending.transport import WireRequest


@pytest.mark.parametrize(
    ("url", "place", "lines"),
    [
        ("https://shop.example/a?b=%2Fc", (True, "shop.example", 443), ("/a?b=%2Fc", "shop.example")),
        ("http://shop.example", (False, "shop.example", 80), ("/", "shop.example")),
        ("http://shop.example:8080/x", (False, "shop.example", 8080), ("/x", "shop.example:8080")),
        ("https://SHOP.example:443/", (True, "shop.example", 443), ("/", "shop.example")),
        ("https://[2001:db8::1]/", (True, "2001:db8::1", 443), ("/", "[2001:db8::1]")),
        ("https://[2001:db8::1]:8443/", (True, "2001:db8::1", 8443), ("/", "[2001:db8::1]:8443")),
        ("https://bücher.example/ü", (True, "xn--bcher-kva.example", 443), ("/%C3%BC", "xn--bcher-kva.example")),
        ("https://user:planted@shop.example/", (True, "shop.example", 443), ("/", "shop.example")),
    ],
)
def test_a_url_is_a_place_and_two_lines(url: str, place: tuple[bool, str, int], lines: tuple[str, str]) -> None:
    """The path goes out as it is written; Host has the port where it is not the scheme's; credentials never leave."""
    target = parse_target(url)
    assert tuple(target.place) == place
    assert target.start == f" {lines[0]} HTTP/1.1\r\nhost: {lines[1]}\r\n"


@pytest.mark.parametrize(
    "url", ["", "shop.example", "ftp://shop.example/", "https:///a", "https://a/\r\nx: y", "http://a/ b"]
)
def test_other_urls_are_refused(url: str) -> None:
    """What is no absolute http or https URL, or would be more than a line."""
    with pytest.raises(ValueError, match=r".+"):
        parse_target(url)


def wanted(headers: tuple[tuple[str, str], ...], body: bytes) -> WireRequest:
    return WireRequest(url="http://a.example/x", headers=headers, body=body)


def test_a_request_is_its_lines_and_its_body() -> None:
    """Every header on a line of its own, the length of the body, an empty line, the body."""
    target = parse_target("http://a.example/x")
    wire = request_bytes(target, wanted((("webhook-id", "evt_1"), ("x-ü", "é")), b"\x00\r\n"))
    head, _, body = wire.partition(b"\r\n\r\n")
    assert head.decode() == ("POST /x HTTP/1.1\r\nhost: a.example\r\nwebhook-id: evt_1\r\nx-ü: é\r\ncontent-length: 3")
    assert body == b"\x00\r\n"


@pytest.mark.parametrize("text", ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_a_header_of_two_lines_is_refused(text: str) -> None:
    """Nobody smuggles a header or a request into ours."""
    target = parse_target("http://a.example/x")
    for header in ((text, "x"), ("x", text)):
        with pytest.raises(ValueError, match=r".+"):
            request_bytes(target, wanted((header,), b""))


def test_a_get_has_no_body() -> None:
    """What is read instead of sent: its method, its headers, and no length of a body that it has not."""
    request = WireRequest(url="http://a.example/x", headers=(("accept", "a/b"),), body=b"", method="GET")
    assert request_bytes(parse_target(request.url), request) == (
        b"GET /x HTTP/1.1\r\nhost: a.example\r\naccept: a/b\r\n\r\n"
    )
