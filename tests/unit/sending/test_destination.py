"""Which addresses a webhook may be sent to, against IANA's special-purpose registries."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.sending.destination import AllowList, RefusedDestinationError, check_address, is_public

REFUSED = [
    "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1",
    "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "4000::1",
    "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%1", "2606:4700::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.0.3.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "::ffff:8.8.8.8", "64:ff9b::808:808", "2000::1", "2001:200::1", "2001:4860:4860::8888", "2606:4700:4700::1111",
    "2003::1", "2a00::1", "3ffe:ffff::1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_special_purpose_addresses_are_refused(address: str) -> None:
    """Private, local, reserved, documentation, multicast; IPv4 inside IPv6 is judged as IPv4."""
    with pytest.raises(RefusedDestinationError):
        check_address(address, AllowList())


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    """The neighbours of the refused ranges are."""
    check_address(address, AllowList())


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "1.1.1.1 ", "١.1.1.1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The check is about what connect() gets, and that is an address in plain writing."""
    with pytest.raises(RefusedDestinationError):
        check_address(text, AllowList())


@given(st.ip_addresses())
def test_nothing_is_open_that_python_calls_private(address: object) -> None:
    """The standard library's own registry is never wider than ours."""
    parsed = ip_address(str(address))
    inside = getattr(parsed, "ipv4_mapped", None) or parsed
    if inside.is_private or inside.is_multicast or inside.is_reserved:
        nat64 = str(inside).startswith("64:ff9b::")
        assert nat64 or not is_public(parsed)


def test_an_allow_list_opens_hosts_and_networks() -> None:
    """Names without regard to case or a last dot; networks for the address itself, also mapped into IPv6."""
    allowed = AllowList.parse(["Simulator.Example", "10.1.0.0/16", "::1", "127.0.0.1"])
    assert allowed.allows_host("simulator.example.")
    assert not allowed.allows_host("other.example")
    for address in ("10.1.2.3", "::1", "127.0.0.1", "::ffff:10.1.2.3"):
        check_address(address, allowed)
    for address in ("10.2.0.1", "127.0.0.2", "::2"):
        with pytest.raises(RefusedDestinationError):
            check_address(address, allowed)
    with pytest.raises(ValueError, match="bits set"):
        AllowList.parse(["10.1.2.3/8"])
