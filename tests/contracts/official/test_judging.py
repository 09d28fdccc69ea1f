"""The judge of every exchange sees what is wrong, and knows what nobody is to blame for."""

from dataclasses import replace

import pytest

from adapters.simulation.faults import Fault
from adapters.simulation.watching import Seen
from tests.support.judging import SPOILED, problems_of

PAYMENT = Seen(
    protocol="berlin_group",
    method="GET",
    path="/v1/payments/sepa-credit-transfers/3dc3d5b3702348489829de8fa34b6b7f/status",
    headers={"x-request-id": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721", "accept": "application/json"},
    body=b"",
    status=200,
    reply_headers={"x-request-id": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721", "content-type": "application/json"},
    reply_body=b'{"transactionStatus": "ACSP"}',
    fault=None,
)
CONSENTS = replace(
    PAYMENT,
    protocol="open_banking_uk",
    path="/open-banking/v4.0/pisp/domestic-payment-consents/pdc-1",
    headers={"accept": "application/json"},
    status=401,
    reply_headers={"x-fapi-interaction-id": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"},
    reply_body=b"",
)


@pytest.mark.parametrize("right", [PAYMENT, CONSENTS, replace(PAYMENT, protocol="sandbox", path="/payments")])
def test_what_is_the_standards_has_no_problems(right: Seen) -> None:
    """Both standards are judged by their own files; a protocol of our own by none."""
    assert problems_of(right, may_be_refused=False) == []


@pytest.mark.parametrize("seen", [PAYMENT, CONSENTS])
def test_a_wrong_request_is_a_problem_unless_it_was_sent_to_be_refused(seen: Seen) -> None:
    """What a bank takes is to be right in every test; what it refuses, where no test said that it sends such things."""
    wrong = replace(seen, headers={**seen.headers, "x-mapping": "1"})
    assert problems_of(wrong, may_be_refused=False)
    assert bool(problems_of(wrong, may_be_refused=True)) is (seen.status == 200)


def test_a_wrong_answer_is_a_problem_unless_a_fault_has_spoiled_it() -> None:
    """Also where the request was sent to be refused."""
    wrong = replace(PAYMENT, reply_body=b'{"transactionStatus": "PAID"}')
    assert problems_of(wrong, may_be_refused=True)
    told = {fault for fault in Fault if problems_of(replace(wrong, fault=fault), may_be_refused=False)}
    assert told == set(Fault) - SPOILED
