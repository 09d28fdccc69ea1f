"""What may be an endpoint's URL. The address behind a name is checked again at each connect (sending/destination)."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from kernel.errors import FieldError
from webhooks.sending.destination import AllowList, RefusedDestinationError, check_address

URL_LENGTH_MAX = 2048
_HOST_LENGTH_MAX = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRules:
    """`is_http_allowed` opens plain http to every host; a host on the allow-list may always have it (simulators)."""

    is_http_allowed: bool = False
    allowed: AllowList = field(default_factory=AllowList)


def check_url(url: str, rules: UrlRules, pointer: str = "/url") -> list[FieldError]:
    """What is wrong with the URL, at most one error."""
    problem = _problem(url, rules)
    return [FieldError(pointer=pointer, code=problem[0], message=problem[1])] if problem else []


def _problem(url: str, rules: UrlRules) -> tuple[str, str] | None:
    if len(url) > URL_LENGTH_MAX:
        return "url_too_long", f"must have {URL_LENGTH_MAX} characters at most"
    if "#" in url:
        return "url_fragment", "must not contain a fragment"
    if not url.isascii() or any(character <= " " or character in '\x7f"<>\\^`{|}' for character in url):
        return "url_invalid", "must be an ASCII URL: write other characters percent-encoded, a host name in Punycode"
    try:
        parts = urlsplit(url)
        return _problem_of_parts(parts, rules, parts.port)
    except ValueError:
        return "url_invalid", "must be a URL with a host and, if any, a port from 1 to 65535"


def _problem_of_parts(parts: SplitResult, rules: UrlRules, port: int | None) -> tuple[str, str] | None:
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or port == 0 or len(host) > _HOST_LENGTH_MAX:
        return "url_invalid", "must be an absolute https URL"
    if "@" in parts.netloc:
        return "url_userinfo", "must not contain a user name or password; send credentials in a header"
    if not _is_listed(host, rules.allowed) and not rules.is_http_allowed and parts.scheme != "https":
        return "url_not_https", "must begin with https://"
    return _problem_of_host(host, rules.allowed)


def _problem_of_host(host: str, allowed: AllowList) -> tuple[str, str] | None:
    if allowed.allows_host(host):
        return None
    if _is_odd_number(host):
        return "url_host_number", "must name its host, or write its address plainly"
    if _is_address(host):
        try:
            check_address(host, allowed)
        except RefusedDestinationError:
            return "url_host_refused", "must not lead to a private or reserved address"
    elif "." not in host.rstrip(".") or host.rstrip(".").endswith((".localhost", ".local", ".internal", ".arpa")):
        return "url_host_refused", "must have a public host name"
    return None


def _is_listed(host: str, allowed: AllowList) -> bool:
    return allowed.allows_host(host) or (_is_address(host) and allowed.allows_address(ip_address(host)))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_odd_number(host: str) -> bool:
    """127.1, 2130706433, 0x7f.1, 0177.0.0.1: what the C library reads as an address and people do not."""
    last = host.rstrip(".").rsplit(".", 1)[-1]
    return not _is_address(host) and (last.isdigit() or last.startswith("0x"))
