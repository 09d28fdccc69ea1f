"""What a payer's browser brings back from a bank, and where it is sent."""

from uuid import UUID

import pytest

from gateway.callbacks import pages
from gateway.callbacks.reading import brought_of, form_of
from kernel.ids import Environment
from kernel.masked import Secret
from payments.journeys.returning import Arrival, Brought, Reception
from payments.states.names import PaymentStatus

STATE = Secret("s")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"state": ""}, None),
        ({"state": "x" * 201}, None),
        ({"state": "s", "code": "c"}, Brought(state=STATE, code=Secret("c"))),
        ({"state": "s"}, Brought(state=STATE)),
        ({"state": "s", "error": "access_denied"}, Brought(state=STATE, refused=True)),
        ({"state": "s", "refused": "1"}, Brought(state=STATE, refused=True)),
        ({"state": "s", "error": "server_error"}, Brought(state=STATE, failed=True)),
        ({"state": "s", "error": "server_error", "code": "c"}, Brought(state=STATE, failed=True)),
    ],
)
def test_a_return_is_read_once_for_all_banks(fields: dict[str, str], expected: Brought | None) -> None:
    """A code beside an error is none, and only what the payer themselves decided is a refusal."""
    assert brought_of(fields) == expected


@pytest.mark.parametrize("raw", [b"\xff", b"&".join([b"a=b"] * 30)])
def test_what_is_no_form_brings_nothing(raw: bytes) -> None:
    """Bytes that are no form, and forms with too much in them."""
    assert form_of(raw) == {}


def arrival(
    reception: Reception = Reception.TAKEN,
    url: str | None = None,
    status: PaymentStatus = PaymentStatus.AWAITING_AUTHORISATION,
) -> Arrival:
    return Arrival(
        reception=reception,
        payment_id=UUID(int=7),
        environment=Environment.TEST,
        status=status,
        return_url=url,
    )


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://shop.example/paid", "https://shop.example/paid?payment_id=pay_test_"),
        ("https://shop.example/paid?order=17", "https://shop.example/paid?order=17&payment_id=pay_test_"),
        ("https://shop.example", "https://shop.example?payment_id=pay_test_"),
    ],
)
def test_the_payer_is_sent_on_with_payment_and_status(url: str, start: str) -> None:
    """What the partner's URL had stays in it."""
    reply = pages.of_payment(arrival(url=url))
    assert reply.status == 303
    assert reply.headers["Location"].startswith(start)
    assert reply.headers["Location"].endswith("&status=awaiting_authorisation")


def test_without_an_address_a_page_says_how_it_stands() -> None:
    """The payer may close it; nothing in it is loaded or sent."""
    reply = pages.of_payment(arrival())
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"You are back from your bank" in reply.data
    assert b"<script" not in reply.data


def test_who_has_just_approved_is_not_told_that_they_are_waited_for() -> None:
    """The page is shown before the bank is asked; how a payment ended is told once it has."""
    assert b"waits for the payer" not in pages.of_payment(arrival()).data
    assert b"is rejected" in pages.of_payment(arrival(status=PaymentStatus.REJECTED)).data


@pytest.mark.parametrize(
    ("reception", "status"), [(Reception.INCOMPLETE, 400), (Reception.FAILED, 400), (Reception.OVER, 410)]
)
def test_what_came_of_nothing_is_said_in_plain_words(reception: Reception, status: int) -> None:
    """With a way back that tells the shop's server nothing of where it was clicked, and cannot leave its attribute."""
    reply = pages.of_payment(arrival(reception, 'https://shop.example/a?b="><b>&c=1'))
    assert reply.status == status
    assert b'rel="noreferrer"' in reply.data
    assert b"><b>" not in reply.data
    assert b"&amp;c=1" in reply.data
