"""Whose request it is."""

from ipaddress import ip_network

import pytest

from gateway.http.peer.address import caller_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1, not an address", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, ", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66,198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711, 10.0.0.2:80", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1, [2001:db8::1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 2001:db8::1:80:", "10.0.0.1"),
        (None, "198.51.100.1", "unknown"),
    ],
)
def test_only_our_own_proxies_are_believed(peer: str | None, forwarded: str, address: str) -> None:
    """The caller is the last address that no proxy of ours has; what a caller writes further left changes nothing."""
    assert caller_address(peer, forwarded, PROXIES) == address


def test_without_proxies_the_header_is_nothing() -> None:
    """Nobody chooses an address by a header."""
    assert caller_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"
