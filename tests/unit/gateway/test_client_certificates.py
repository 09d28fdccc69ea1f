"""Whose certificate it is, as a proxy of ours tells it."""

from base64 import b64decode
from ipaddress import ip_network
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.http.peer.certificates import CallerCertificates, ClientCertificate

PROXIES = (ip_network("10.0.0.0/8"),)
TOLD = CallerCertificates(proxies=PROXIES, are_told=True)
SILENT = CallerCertificates(proxies=PROXIES)
# RFC 9440, appendix A: the end-entity certificate as its Client-Cert header carries it.
RFC_9440 = (
    "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVk"
    "aWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    "8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAf"
    "BgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMw"
    "EYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ"
    "0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk="
)
# RFC 8705, appendix A: a certificate and the thumbprint that its bound token carries.
RFC_8705 = (
    "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UE"
    "AwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9Wu"
    "neIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJ"
    "SGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY="
)


def told(peer: str, *values: str, by: CallerCertificates = TOLD) -> ClientCertificate | None:
    """What a request from this peer with these Client-Cert headers says."""
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (peer, 1) if name == "peername" else default
    headers: Any = [("Client-Cert", value) for value in values]
    request = make_mocked_request("POST", "/oauth/token", headers=headers, transport=transport)
    return by.of(request)


def test_the_thumbprint_is_that_of_rfc_8705() -> None:
    """The SHA-256 thumbprint of RFC 8705's example is the one that its example token is bound to."""
    certificate = ClientCertificate(b64decode(RFC_8705))
    assert certificate.thumbprint == "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"


def test_a_proxy_of_ours_tells_the_certificate() -> None:
    """The Client-Cert header of RFC 9440's example is read when a configured proxy sends it."""
    assert told("10.0.0.1", f":{RFC_9440}:") == ClientCertificate(b64decode(RFC_9440))


def test_nobody_else_is_believed() -> None:
    """A Client-Cert header from an address that is no proxy of ours says nothing."""
    assert told("203.0.113.9", f":{RFC_9440}:") is None


def test_a_proxy_that_does_not_know_the_header_is_not_believed() -> None:
    """Unless the setting says that our proxies write Client-Cert, what stands there may be a caller's own."""
    assert told("10.0.0.1", f":{RFC_9440}:", by=SILENT) is None


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        (":",),
        ("::",),
        (RFC_9440,),
        (f":{RFC_9440}",),
        (":not base64:",),
        (f":{RFC_9440}:", f":{RFC_9440}:"),
        (f":{RFC_9440}:, :{RFC_9440}:",),
        (f":{'A' * 20_000}:",),
    ],
    ids=lambda values: f"{len(values)} of {sum(map(len, values))}",
)
def test_what_is_not_one_byte_sequence_tells_nothing(values: tuple[str, ...]) -> None:
    """A Client-Cert header that is missing, repeated, too long or no byte sequence is no certificate."""
    assert told("10.0.0.1", *values) is None
