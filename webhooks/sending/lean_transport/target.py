"""A URL and headers as the bytes that go out."""

from dataclasses import dataclass

from yarl import URL

from webhooks.sending.dialing.dialer import Place
from webhooks.sending.transport import WireRequest

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a URL leads. `start` is the request line after its method, and Host: always the same for a URL."""

    place: Place
    start: str


def parse_target(url: str) -> Target:
    """Raises ValueError for what is not an absolute http or https URL."""
    parsed = URL(url, encoded=url.isascii())
    host, port = (parsed.raw_host or "").lower(), parsed.port
    if parsed.scheme not in _PORTS or not host or not port:
        raise ValueError("not an absolute http or https URL")
    start = f" {parsed.raw_path_qs} HTTP/1.1\r\nhost: {_authority(host, port, parsed.scheme)}\r\n"
    if start.count("\n") != 2 or start.split("\r\n", 1)[0].count(" ") != 2:
        raise ValueError("a URL has no spaces and no line ends")
    return Target(place=Place(parsed.scheme == "https", host, port), start=start)


def request_bytes(target: Target, request: WireRequest) -> bytes:
    """The whole request. Raises ValueError for a header that would not be one line."""
    lines = [f"{name}: {value}\r\n" for name, value in request.headers]
    if request.method == "POST":
        lines.append(f"content-length: {len(request.body)}\r\n")
    head = f"{request.method}{target.start}{''.join(lines)}\r\n"
    if head.count("\n") != len(lines) + 3 or head.count("\r") != len(lines) + 3 or "\0" in head:
        raise ValueError("a header is not one line")
    return head.encode() + request.body


def _authority(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"
