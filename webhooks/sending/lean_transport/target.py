"""A URL and headers as the bytes that go out."""

from collections.abc import Iterable
from dataclasses import dataclass

from yarl import URL

from webhooks.sending.dialing.dialer import Place

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a URL leads. `start` is the request line and Host, the part of a request that is always the same."""

    place: Place
    start: str


def parse_target(url: str) -> Target:
    """Raises ValueError for what is not an absolute http or https URL."""
    parsed = URL(url, encoded=url.isascii())
    host, port = (parsed.raw_host or "").lower(), parsed.port
    if parsed.scheme not in _PORTS or not host or not port:
        raise ValueError("not an absolute http or https URL")
    start = f"POST {parsed.raw_path_qs} HTTP/1.1\r\nhost: {_authority(host, port, parsed.scheme)}\r\n"
    if start.count("\n") != 2 or start.split("\r\n", 1)[0].count(" ") != 2:
        raise ValueError("a URL has no spaces and no line ends")
    return Target(place=Place(parsed.scheme == "https", host, port), start=start)


def request_bytes(target: Target, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """The whole request. Raises ValueError for a header that would not be one line."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = f"{target.start}{''.join(lines)}content-length: {len(body)}\r\n\r\n"
    if head.count("\n") != len(lines) + 4 or head.count("\r") != len(lines) + 4 or "\0" in head:
        raise ValueError("a header is not one line")
    return head.encode() + body


def _authority(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"
