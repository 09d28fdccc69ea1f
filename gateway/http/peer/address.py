"""Whose request it is, as far as addresses tell: forwarded headers are believed from our own proxies only."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
_UNKNOWN = "unknown"
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def caller_address(peer: str | None, forwarded: str, proxies: Sequence[Network]) -> str:
    """The caller's address: the last one in X-Forwarded-For that is not a proxy of ours, if the peer is one.

    `forwarded` are all lines of the header, joined by commas; an entry may carry a port. What stands further left was
    written by the caller. An entry that is no address ends the search at its proxy; an empty one is none (RFC 9110
    §5.6.1.2).
    """
    nearest = _parsed(peer or "")
    for entry in reversed(forwarded.split(",") if proxies else []):
        if nearest is None or not _is_ours(nearest, proxies):
            break
        if not (text := entry.strip()):
            continue
        further = _parsed(_without_port(text))
        if further is None:
            break
        nearest = further
    return str(nearest) if nearest is not None else _UNKNOWN


def is_proxy(peer: str | None, proxies: Sequence[Network]) -> bool:
    """Whether the connection comes from a proxy of ours."""
    address = _parsed(peer or "") if proxies else None
    return address is not None and _is_ours(address, proxies)


def is_told_https(peer: str | None, schemes: Sequence[str], proxies: Sequence[Network]) -> bool:
    """Whether a proxy of ours says that its caller came over https; `schemes` are the lines of X-Forwarded-Proto.

    Several lines, or a list, are no word of ours: a caller may have begun them.
    """
    return len(schemes) == 1 and schemes[0].strip().lower() == "https" and is_proxy(peer, proxies)


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address; what is no address is in none."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _is_ours(address: IPv4Address | IPv6Address, proxies: Sequence[Network]) -> bool:
    return any(address in network for network in proxies)


def _without_port(entry: str) -> str:
    """Of `192.0.2.1:80` and `[2001:db8::1]:80` the address (the node of RFC 7239 §6)."""
    found = _WITH_PORT.fullmatch(entry)
    return entry if found is None else found[1] or found[2]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
