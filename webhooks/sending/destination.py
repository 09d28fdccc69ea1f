"""Where a webhook may go: checked on the address itself, at the moment of connecting to it.

The tables follow IANA's special-purpose address registries (RFC 6890 and its updates) and the multicast ranges. For
IPv6 only global unicast space (2000::/3) is open at all, so that a range unknown today is refused tomorrow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link local, and the clouds' metadata services
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the limited broadcast
    )
)
_OPEN_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address of anyone's choice
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


class RefusedDestinationError(OSError):
    """The address is in a special-purpose range. An OSError, because the HTTP client passes those on unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """What may be reached although the registries say no: host names (lower case) and networks. For labs and tests."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "AllowList":
        """Entries such as "localhost", "10.1.0.0/16" and "::1". Raises ValueError for an impossible network."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            if _looks_like_network(entry):
                networks.append(ip_network(entry))
            else:
                hosts.add(entry.lower().rstrip("."))
        return cls(hosts=frozenset(hosts), networks=tuple(networks))

    def allows_host(self, host: str) -> bool:
        """Whether the name is on the list, wherever it leads."""
        return host.lower().rstrip(".") in self.hosts

    def allows_address(self, address: Address) -> bool:
        """Whether a network on the list holds the address."""
        return any(address.version == network.version and address in network for network in self.networks)


def check_address(text: str, allowed: AllowList) -> None:
    """Raises RefusedDestinationError unless the address is a public one or allowed. `text` is what connect() gets."""
    try:
        address = ip_address(text)
    except ValueError:
        raise RefusedDestinationError("not an address") from None
    if not (is_public(address) or allowed.allows_address(_unwrapped(address))):
        raise RefusedDestinationError("the address is in a special-purpose range")


def is_public(address: Address) -> bool:
    """Whether anyone's host may have this address; IPv4 inside IPv6 (mapped, NAT64) is judged as IPv4."""
    address = _unwrapped(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address.scope_id is None and address in _OPEN_V6 and not any(address in network for network in _REFUSED_V6)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _looks_like_network(entry: str) -> bool:
    return "/" in entry or ":" in entry or entry.replace(".", "").isdigit()
