"""The simulated bank refuses like a real one: ids, certificates, digests, signatures, roles, headers, fields."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import make_mocked_request
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.berlin_group.mapping import adapter
from adapters.berlin_group.simulator import Habits
from adapters.berlin_group.simulator.door.certificates import ACCOUNTS, PAYMENTS, Pair, pair, roles_of, trust
from adapters.berlin_group.simulator.door.checks import check_payer
from adapters.berlin_group.simulator.messages import Refused
from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.signing.http_signature import HttpSignature, digest
from adapters.signing.profile import Signable
from adapters.wire import WireRequest
from kernel.masked import Secret
from tests.support.berlin_group_house import House, running

pytestmark = pytest.mark.sends_what_is_wrong

NOW = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
PATH = "/v1/payments/sepa-credit-transfers"


def initiation(house: House) -> WireRequest:
    return adapter().build(OperationKind.CONSENT, house.instruction())


def signed(request: WireRequest, own: Pair | None = None, **options: str) -> dict[str, str]:
    """The request's headers as the engine would make them, signed by this pair."""
    signer = own or trust().client
    settings = BankSettings(
        base_url="",
        secrets={"signing_key": Secret(signer.key_pem)},
        options={"signing_certificate": signer.certificate_pem, **options},
    )
    headers = {**dict(request.headers), "X-Request-ID": str(uuid4())}
    call = Signable(method=request.method, path=request.path, headers=headers, body=request.body)
    return {**headers, **HttpSignature().headers(call, settings, NOW)}


async def code(house: House, headers: Mapping[str, str], body: bytes, path: str = PATH) -> tuple[int, str | None]:
    """How the bank answers: the HTTP status and the message's code."""
    answer = await house.send("POST", path, headers, body)
    told = json.loads(answer.body)
    return answer.status, told["tppMessages"][0]["code"] if "tppMessages" in told else None


def without(*names: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {name: value for name, value in headers.items() if name not in names}


def having(**changes: str) -> Callable[[dict[str, str]], dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return lambda headers: {**headers, **named}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda headers: headers, (201, None)),
        (without("Signature"), (401, "SIGNATURE_MISSING")),
        (without("Digest"), (401, "SIGNATURE_MISSING")),
        (without("TPP-Signature-Certificate"), (401, "CERTIFICATE_MISSING")),
        (having(TPP_Signature_Certificate="AAAA"), (401, "CERTIFICATE_INVALID")),
        (having(Digest=digest(b"other")), (401, "SIGNATURE_INVALID")),
        (having(TPP_Redirect_URI="https://thief.example/"), (401, "SIGNATURE_INVALID")),
        (without("TPP-Redirect-URI"), (401, "SIGNATURE_INVALID")),
        (having(PSU_ID="somebody"), (401, "SIGNATURE_INVALID")),
        (having(X_Request_ID="1"), (400, "FORMAT_ERROR")),
        (without("X-Request-ID"), (400, "FORMAT_ERROR")),
        (without("PSU-IP-Address"), (400, "FORMAT_ERROR")),
        (having(PSU_IP_Address="2001:db8::7"), (400, "FORMAT_ERROR")),
    ],
)
async def test_a_request_that_is_wrong_in_one_way_is_refused_for_it(
    change: Callable[[dict[str, str]], dict[str, str]], wanted: tuple[int, str | None]
) -> None:
    """Each check refuses with the standard's own code, and nothing is initiated."""
    async with running() as house:
        request = initiation(house)
        assert await code(house, change(signed(request)), request.body) == wanted
        assert house.simulator.initiations == (1 if wanted[0] == 201 else 0)


def test_a_bank_may_take_more_addresses_than_the_standard() -> None:
    """Its file has IPv4 only, so that no whole request of the other kind is made here."""
    request = make_mocked_request("POST", "/", headers={"PSU-IP-Address": "2001:db8::7"})
    check_payer(request, Habits(takes_ipv6=True), needed=True)
    with pytest.raises(Refused):
        check_payer(request, Habits(), needed=True)


async def test_a_request_id_is_taken_once() -> None:
    """X-Request-ID is unique per call: a copied request is refused, and is no way to repeat a payment."""
    async with running() as house:
        request = initiation(house)
        headers = signed(request)
        assert await code(house, headers, request.body) == (201, None)
        assert await code(house, headers, request.body) == (400, "FORMAT_ERROR")


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: pair("Stranger", pair("Other Authority", None, ()), (PAYMENTS,)), "CERTIFICATE_INVALID"),
        (lambda: pair("Late", trust().authority, (PAYMENTS,), days=-1), "CERTIFICATE_EXPIRED"),
        (lambda: pair("Reader", trust().authority, (ACCOUNTS,)), "ROLE_INVALID"),
        (lambda: pair("Nobody", trust().authority, ()), "ROLE_INVALID"),
        (lambda: replace(pair("Mixed", trust().authority, (PAYMENTS,)), key=trust().client.key), "SIGNATURE_INVALID"),
    ],
)
async def test_a_certificate_must_be_known_in_force_and_of_the_right_role(
    make: Callable[[], Pair], wanted: str
) -> None:
    """QSEAL certificates of another authority, past ones, those without PSP_PI and borrowed ones are refused."""
    async with running() as house:
        request = initiation(house)
        assert await code(house, signed(request, make()), request.body) == (401, wanted)


@pytest.mark.parametrize("covers", ["date", "(request-target)", "(request-target) date"])
async def test_banks_that_want_more_signed_get_it(covers: str) -> None:
    """What an option adds to the list is signed and verifies."""
    async with running() as house:
        request = replace(
            initiation(house), headers=(*initiation(house).headers, ("Date", "Mon, 02 Nov 2026 12:00:00 GMT"))
        )
        headers = signed(request, signature_covers=covers, signature_algorithm="rsa-sha512")
        assert await code(house, headers, request.body) == (201, None)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"creditorName": "Müller"}, "FORMAT_ERROR"),
        ({"creditorName": "x" * 71}, "FORMAT_ERROR"),
        ({"creditorName": None}, "FORMAT_ERROR"),
        ({"remittanceInformationUnstructured": "x" * 141}, "FORMAT_ERROR"),
        ({"instructedAmount": {"currency": "GBP", "amount": "12.34"}}, "FORMAT_ERROR"),
        ({"instructedAmount": {"currency": "EUR", "amount": "12.345"}}, "FORMAT_ERROR"),
        ({"instructedAmount": {"currency": "EUR", "amount": "0.00"}}, "FORMAT_ERROR"),
        ({"debtorAccount": {"iban": "DE89370400440532013001"}}, "FORMAT_ERROR"),
        ({"creditorAccount": {}}, "FORMAT_ERROR"),
        ({"chargeBearer": "SLEV"}, "PARAMETER_NOT_SUPPORTED"),
    ],
)
async def test_a_payment_with_a_wrong_field_is_refused(change: dict[str, Any], wanted: str) -> None:
    """Characters, lengths, accounts and amounts are checked as a bank checks them."""
    async with running() as house:
        request = initiation(house)
        body = json.dumps(json.loads(request.body) | change).encode()
        assert await code(house, signed(replace(request, body=body)), body) == (400, wanted)


async def test_an_unknown_product_or_payment_is_said_so() -> None:
    """404 with the standard's codes."""
    async with running() as house:
        request = replace(initiation(house), path="/v1/payments/target-2-payments")
        assert await code(house, signed(request), request.body, request.path) == (404, "PRODUCT_UNKNOWN")
        request = adapter().build(OperationKind.AUTHORISE, house.instruction(bank_reference="nobody"))
        assert await code(house, signed(request), request.body, request.path) == (404, "RESOURCE_UNKNOWN")


def test_made_certificates_carry_their_roles() -> None:
    """The PSD2 statement of ETSI TS 119 495 can be read back, and stands in the certificate as DER."""
    assert roles_of(trust().client.certificate) == {PAYMENTS, ACCOUNTS}
    assert roles_of(trust().bank.certificate) == frozenset()
    encoded = base64.b64encode(trust().client.certificate.public_bytes(Encoding.DER))
    assert len(encoded) < 4000
