"""What is kept of a payment's terms, and what makes two requests the same."""

import hashlib
from dataclasses import replace
from uuid import UUID

from adapters.contract import Account, Creditor, Payer
from kernel.masked import AccountNumber, Masked, PersonName
from kernel.money import Money
from payments.model import PaymentRequest
from payments.terms import Terms, fingerprint

IBAN = AccountNumber("GB82WEST12345698765432")
REQUEST = PaymentRequest(
    merchant_id=UUID(int=1),
    bank_id="scripted",
    amount=Money("GBP", 1234),
    creditor=Creditor(name=PersonName("Example Books Ltd"), account=Account(iban=IBAN)),
    reference=Masked("Invoice 42"),
)
WHO_PAYS = replace(
    REQUEST,
    debtor=Account(sort_code="123456", account_number=AccountNumber("12345678")),
    payer=Payer(ip_address=Masked("203.0.113.7")),
    return_url="https://shop.example/paid",
)


def test_a_request_of_an_older_release_is_recognised() -> None:
    """A repeat that comes after an upgrade is not taken for another payment: nothing was added to it."""
    head = b'{"bank_id":"scripted","currency":"GBP","execute_at":null,"merchant_id":"%s","value":1234}' % (
        b"0" * 31 + b"1"
    )
    terms = (
        b'{"account_number":null,"end_to_end_id":null,"iban":"GB82WEST12345698765432","metadata":{},'
        b'"name":"Example Books Ltd","reference":"Invoice 42","sort_code":null}'
    )
    assert fingerprint(REQUEST) == hashlib.sha256(head + b"\n" + terms).digest()


def test_what_is_known_of_who_pays_is_kept_and_makes_another_request() -> None:
    """Account, payer and where they go afterwards survive the sealing, and each of them makes a difference."""
    assert Terms.from_json(Terms.of(WHO_PAYS).to_json()) == Terms.of(WHO_PAYS)
    assert Terms.from_json(Terms.of(REQUEST).to_json()) == Terms.of(REQUEST)
    without = (replace(WHO_PAYS, debtor=None), replace(WHO_PAYS, payer=None), replace(WHO_PAYS, return_url=None))
    assert len({fingerprint(each) for each in (REQUEST, WHO_PAYS, *without)}) == 5


def test_nothing_of_who_pays_is_printed() -> None:
    """Neither the account nor the address is in what a log could show."""
    text = repr(Terms.of(WHO_PAYS))
    assert not any(word in text for word in ("12345678", "203.0.113.7", "shop.example"))
