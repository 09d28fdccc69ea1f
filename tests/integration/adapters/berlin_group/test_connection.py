"""The simulated bank behind TLS: it knows its clients by their QWAC certificates, and those by their roles."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.berlin_group.simulator.door.certificates import ACCOUNTS, PAYMENTS, Pair, pair, trust
from adapters.contract import Evidence, Verdict
from adapters.declaration import OperationKind
from kernel.masked import Secret
from tests.support.berlin_group_house import House, running
from tests.support.raw_server import server_tls


async def initiated(folder: Path, own: Pair) -> Evidence:
    """What becomes of an initiation over a connection with this certificate."""
    context, ca_file = server_tls(folder, "localhost")
    authority = folder / "trust.pem"
    authority.write_text(trust().authority.certificate_pem, encoding="ascii")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority)
    async with running(tls=context) as house:
        return await known_by(house, own, ca_file).ask(OperationKind.CONSENT, house.instruction())


def known_by(house: House, own: Pair, ca_file: Path) -> House:
    """The house with a client that shows this certificate."""
    settings = house.bank.settings
    shown = replace(
        settings,
        base_url=settings.base_url.replace("127.0.0.1", "localhost"),
        secrets={
            **settings.secrets,
            "tls_certificate": Secret(own.certificate_pem),
            "tls_key": Secret(own.key_pem),
        },
        options={**settings.options, "tls_ca": ca_file.read_text(encoding="ascii")},
    )
    return replace(house, bank=replace(house.bank, settings=shown))


@pytest.mark.parametrize("roles", [(PAYMENTS,), (PAYMENTS, ACCOUNTS), ()])
async def test_a_client_with_the_right_role_is_served(tmp_path: Path, roles: tuple[str, ...]) -> None:
    """A QWAC with PSP_PI may initiate payments; a certificate without roles leaves them to the QSEAL."""
    evidence = await initiated(tmp_path, pair("Client", trust().authority, roles))
    assert evidence.verdict is Verdict.NEEDS_AUTHORISATION


async def test_a_client_with_another_role_is_refused(tmp_path: Path) -> None:
    """A QWAC for account information alone initiates nothing."""
    evidence = await initiated(tmp_path, pair("Reader", trust().authority, (ACCOUNTS,)))
    assert (evidence.verdict, evidence.raw_code) == (Verdict.UNKNOWN, "ROLE_INVALID")


async def test_a_stranger_gets_no_connection(tmp_path: Path) -> None:
    """A certificate of another authority ends the connection, and nothing is proved."""
    evidence = await initiated(tmp_path, pair("Stranger", pair("Other", None, ()), (PAYMENTS,)))
    assert (evidence.verdict, evidence.raw_code) == (Verdict.UNKNOWN, None)
