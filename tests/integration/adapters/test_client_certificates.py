"""Banks that want our certificate: with it they answer; what happens without it is told honestly."""

import ssl
from pathlib import Path

import pytest

from adapters.contract import Answered, Bank, NeverLeft, Unknown
from adapters.wire import WireRequest
from tests.support.banks import bank, engine
from tests.support.raw_server import Exchange, RawServer, server_tls, serving

POST = WireRequest(method="POST", path="/payments", body=b"{}")


async def answer(exchange: Exchange) -> None:
    """Says 200."""
    await exchange.read_request()
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


class Certificates:
    """A bank's TLS that wants a client's certificate, and that client's certificate and key."""

    def __init__(self, folder: Path) -> None:
        self.tls, ca_file = server_tls(folder, "localhost")
        self.options = {"tls_ca": ca_file.read_text(encoding="ascii")}
        _, client_file = server_tls(folder, "client")
        self.tls.verify_mode = ssl.CERT_REQUIRED
        self.tls.load_verify_locations(client_file)
        self.secrets = {
            "tls_certificate": client_file.read_text(encoding="ascii"),
            "tls_key": client_file.with_suffix(".key").read_text(encoding="ascii"),
        }

    def bank(self, server: RawServer, **secrets: str) -> Bank:
        return bank(server.url("localhost", path=""), secrets=secrets, options=self.options)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Fresh ones."""
    return Certificates(tmp_path)


async def test_our_certificate_opens_the_bank(certificates: Certificates) -> None:
    """The client certificate of the bank's settings is presented."""
    banks = engine()
    async with serving(answer, certificates.tls) as server:
        outcome = await banks.perform(certificates.bank(server, **certificates.secrets), POST)
    await banks.close()
    assert isinstance(outcome, Answered)


async def test_a_tls_alert_after_the_handshake_is_unknown(certificates: Certificates) -> None:
    """TLS 1.3 refuses a missing certificate after our side of the handshake: bytes may have left, and it is said so."""
    banks = engine()
    async with serving(answer, certificates.tls) as server:
        outcome = await banks.perform(certificates.bank(server), POST)
    await banks.close()
    assert isinstance(outcome, Unknown)


async def test_a_refusal_within_the_handshake_never_left(certificates: Certificates) -> None:
    """TLS 1.2 refuses a missing certificate before the handshake is complete: no byte of the request was written."""
    certificates.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    banks = engine()
    async with serving(answer, certificates.tls) as server:
        outcome = await banks.perform(certificates.bank(server), POST)
    await banks.close()
    assert isinstance(outcome, NeverLeft)
    assert outcome.why in {"tls_handshake", "connect_failed"}
