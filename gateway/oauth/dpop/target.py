"""What a proof is made for: one method at one URI, compared as RFC 3986 §6.2.2 and §6.2.3 say (RFC 9449 §4.3)."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Target:
    """A request's method, and its URI as the outside knows it: our public URL and the path as it was sent."""

    method: str
    uri: str

    def is_named_by(self, method: str, uri: str) -> bool:
        """Whether a proof's `htm` and `htu` name this request. Query and fragment do not count."""
        return method == self.method and (uri == self.uri or _normal(uri) == _normal(self.uri) is not None)


def _normal(uri: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path in one form; None for what is no absolute URI of a server."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    path = _ESCAPE.sub(_decoded, parts.path) or "/"
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme), path


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
