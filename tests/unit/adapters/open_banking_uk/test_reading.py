"""What an Open Banking UK bank's answers prove, in both versions."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contract import Authorisation, Evidence, Reason, Verdict
from adapters.declaration import OperationKind
from adapters.open_banking_uk.mapping import adapter
from adapters.open_banking_uk.tables.errors import CONSENT_REFUSALS, ERRORS, PAYMENT_REFUSALS, WORD_OF_CODE
from adapters.open_banking_uk.tables.reasons import REASONS
from adapters.open_banking_uk.tables.statuses import CONSENT_ASKED, CONSENT_MADE, DETAIL_STATUSES, PAYMENT_STATUSES
from adapters.wire import WireReply
from kernel.money import Money

UK = adapter()
CONSENT, SUBMIT, ENQUIRE, AUTHORISE = (
    OperationKind.CONSENT,
    OperationKind.SUBMIT,
    OperationKind.ENQUIRE,
    OperationKind.AUTHORISE,
)
AT = "2026-11-25T12:00:00+00:00"
REFERENCE = "TN01K9C8W2E4F6G8H0J2K4M6N8P0"


def answer(status: int, body: Any, **headers: str) -> WireReply:
    told = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireReply(status=status, headers={name.replace("_", "-"): each for name, each in headers.items()}, body=told)


def data(amount: str = "12.34", currency: str = "GBP", **members: Any) -> dict[str, Any]:
    initiation = {
        "InstructionIdentification": REFERENCE,
        "EndToEndIdentification": REFERENCE,
        "InstructedAmount": {"Amount": amount, "Currency": currency},
    }
    told = {"ConsentId": "pdc-1", "StatusUpdateDateTime": AT, "Initiation": initiation, **members}
    return {"Data": {name: each for name, each in told.items() if each is not None}}


def payment(status: str, **members: Any) -> dict[str, Any]:
    return data(**{"Status": status, "DomesticPaymentId": "pmt-1", **members})


def errors(*codes: str) -> dict[str, Any]:
    return {"Errors": [{"ErrorCode": code, "Message": "m"} for code in codes]}


@pytest.mark.parametrize("word", sorted(PAYMENT_STATUSES))
def test_a_payment_is_read_by_its_table(word: str) -> None:
    """Every word gives its verdict, with the bank's id and its echo of amount and reference."""
    verdict, iso = PAYMENT_STATUSES[word]
    for kind, status in ((SUBMIT, 201), (ENQUIRE, 200)):
        told = UK.parse(kind, answer(status, payment(word)))
        assert (told.verdict, told.iso_code, told.raw_code) == (verdict, iso, word)
        assert (told.bank_reference, told.consent_id, told.reference) == ("pmt-1", "pdc-1", REFERENCE)
        assert (told.amount, told.at) == (Money("GBP", 1234), datetime(2026, 11, 25, 12, tzinfo=UTC))


@pytest.mark.parametrize("word", sorted(CONSENT_ASKED))
def test_a_consent_that_was_not_used_has_no_payment(word: str) -> None:
    """Asked after a payment whose answer was lost: consumed means that the bank has it, everything else that not."""
    told = UK.parse(ENQUIRE, answer(200, data(Status=word)))
    assert told.verdict is (Verdict.PENDING if word in {"COND", "Consumed"} else Verdict.NOT_FOUND)
    assert (told.bank_reference, told.iso_code) == (None, None)


@pytest.mark.parametrize("word", sorted(CONSENT_MADE))
def test_a_new_consent_waits_for_the_payer_or_was_refused(word: str) -> None:
    """The consent's id comes with it; where the payer goes is the adapter's to make."""
    told = UK.parse(CONSENT, answer(201, data(Status=word)))
    waits = word not in {"RJCT", "Rejected"}
    assert told.verdict is (Verdict.NEEDS_AUTHORISATION if waits else Verdict.REJECTED)
    assert told.authorisation == (Authorisation() if waits else None)
    assert told.consent_id == "pdc-1"


@pytest.mark.parametrize("word", sorted(DETAIL_STATUSES))
def test_details_are_read_by_their_latest_status(word: str) -> None:
    """Of several statuses the latest counts, wherever it stands; its reason is known where it was rejected."""
    later = {"Status": word, "StatusUpdateDateTime": "2026-11-25T12:00:01+00:00"}
    detail = {"Status": word, "StatusReason": "AM04"}
    entries = [later | {"StatusDetail": detail}, {"Status": "PDNG", "StatusUpdateDateTime": AT}]
    told = UK.parse(ENQUIRE, answer(200, {"Data": {"PaymentStatus": entries}}))
    verdict, iso = DETAIL_STATUSES[word]
    assert (told.verdict, told.iso_code, told.raw_code) == (verdict, iso, word)
    ended = verdict in {Verdict.REJECTED, Verdict.CANCELLED}
    assert told.reason is (Reason.INSUFFICIENT_FUNDS if ended else None)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_rejection_gives_its_reason(code: str) -> None:
    """Every reason code of the standard is known, and said only of what was rejected."""
    rejected = payment("RJCT", StatusReason=[{"StatusReasonCode": code}])
    assert UK.parse(SUBMIT, answer(201, rejected)).reason is REASONS[code]
    accepted = payment("ACSP", StatusReason=[{"StatusReasonCode": code}])
    assert UK.parse(SUBMIT, answer(201, accepted)).reason is None


def test_a_reason_that_nobody_knows_is_unspecified() -> None:
    """The rejection stands, and why is not guessed."""
    told = UK.parse(SUBMIT, answer(201, payment("RJCT", StatusReason=[{"StatusReasonCode": "ZZ99"}])))
    assert (told.verdict, told.reason) == (Verdict.REJECTED, Reason.UNSPECIFIED)


@pytest.mark.parametrize("code", sorted(ERRORS))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 408, 409, 415, 422, 429, 500, 503])
def test_an_error_refuses_a_payment_only_where_the_standard_says_so(code: str, status: int) -> None:
    """Only under 400, and only what depends on our bytes alone; the rest is unknown, whatever it sounds like."""
    told = UK.parse(SUBMIT, answer(status, errors(code)))
    refused = status == 400 and code in PAYMENT_REFUSALS
    assert told.verdict is (Verdict.REJECTED if refused else Verdict.UNKNOWN)
    assert (told.raw_code, told.reason) == (code, ERRORS[code])
    asked = UK.parse(ENQUIRE, answer(status, errors(code)))
    assert asked.verdict is Verdict.UNKNOWN
    consent = UK.parse(CONSENT, answer(status, errors(code)))
    assert (consent.verdict is Verdict.REJECTED) == (status == 400 and code in CONSENT_REFUSALS)


def test_one_doubtful_error_among_refusals_proves_nothing() -> None:
    """A payment is refused for good only where every error says so, also one whose code is no code."""
    assert UK.parse(SUBMIT, answer(400, errors("U002", "U004"))).verdict is Verdict.REJECTED
    assert UK.parse(SUBMIT, answer(400, errors("U002", "U009"))).verdict is Verdict.UNKNOWN
    assert UK.parse(SUBMIT, answer(400, errors("U002", "not a code"))).verdict is Verdict.UNKNOWN
    assert UK.parse(SUBMIT, answer(400, errors())).verdict is Verdict.UNKNOWN
    assert UK.parse(SUBMIT, answer(400, errors("U777"))).verdict is Verdict.UNKNOWN


def test_an_unknown_id_is_400_and_proves_nothing() -> None:
    """The bank gave us the id itself: that it does not know it is trouble at the bank, not the absence of a payment."""
    for code in ("U011", "UK.OBIE.Resource.NotFound"):
        told = UK.parse(ENQUIRE, answer(400, errors(code)))
        assert (told.verdict, told.raw_code) == (Verdict.UNKNOWN, code)
    assert UK.parse(ENQUIRE, answer(404, b"")).verdict is Verdict.UNKNOWN


def test_a_status_that_nobody_knows_is_kept_on_record() -> None:
    """It proves nothing, and whoever reads the evidence sees what the bank said."""
    told = UK.parse(SUBMIT, answer(201, payment("NEWS")))
    assert (told.verdict, told.raw_code, told.iso_code) == (Verdict.UNKNOWN, "NEWS", None)


def test_the_wait_that_a_bank_asks_for_is_kept() -> None:
    """429 with Retry-After is unknown, and says for how long not to come back."""
    told = UK.parse(SUBMIT, answer(429, b"", retry_after="7"))
    assert (told.verdict, told.retry_after_seconds) == (Verdict.UNKNOWN, 7)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(payment("ACSP", DomesticPaymentId=None), id="no-id-is-a-consent-with-an-unknown-status"),
        pytest.param(payment("ACSP", ConsentId=None), id="no-consent"),
        pytest.param(payment("ACSP", Initiation=None), id="no-initiation"),
        pytest.param(payment("SomethingNew"), id="a-status-nobody-knows"),
        pytest.param(payment("ACSP") | {"Data": []}, id="data-is-a-list"),
        pytest.param(data(amount="12,34", Status="ACSP", DomesticPaymentId="pmt-1"), id="amount-with-a-comma"),
        pytest.param(data(amount="12.345", Status="ACSP", DomesticPaymentId="pmt-1"), id="a-digit-too-many"),
        pytest.param(data(amount="1e3", Status="ACSP", DomesticPaymentId="pmt-1"), id="amount-with-exponent"),
        pytest.param(data(currency="gbp", Status="ACSP", DomesticPaymentId="pmt-1"), id="currency-in-small-letters"),
        pytest.param(b"<html>", id="a-page"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_not_whole_proves_nothing(body: Any) -> None:
    """An answer that lacks a part, or has one that is malformed, is unknown: neither a payment nor a refusal."""
    assert UK.parse(SUBMIT, answer(201, body)).verdict is Verdict.UNKNOWN


def test_a_success_under_another_status_proves_nothing() -> None:
    """A payment is made with 201 and shown with 200; under 202 or 500 its body is not believed."""
    for status in (200, 202, 400, 500):
        assert UK.parse(SUBMIT, answer(status, payment("ACSP"))).verdict is Verdict.UNKNOWN
    assert UK.parse(ENQUIRE, answer(201, payment("ACSP"))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("amount", "money"),
    [
        (("1234", "JPY"), Money("JPY", 1234)),
        (("1234.00000", "JPY"), Money("JPY", 1234)),
        (("0.01", "EUR"), Money("EUR", 1)),
        (("1.234", "KWD"), Money("KWD", 1234)),
        (("1.2345", "CLF"), Money("CLF", 12345)),
        (("9999999999999.99", "GBP"), Money("GBP", 10**15 - 1)),
    ],
)
def test_amounts_come_back_exactly(amount: tuple[str, str], money: Money) -> None:
    """The echo is read with its currency's digits; zeros beyond them change nothing."""
    told = data(*amount, Status="ACSP", DomesticPaymentId="pmt-1")
    assert UK.parse(SUBMIT, answer(201, told)).amount == money


def test_the_refund_account_is_read() -> None:
    """It comes with the payment, by sort code or IBAN; of another scheme, or malformed, it is left out."""
    accounts = {
        "20201531926819": "UK.OBIE.SortCodeAccountNumber",
        "GB33BUKB20201555555555": "UK.OBIE.IBAN",
        "4111": "UK.OBIE.PAN",
    }
    read = [
        UK.parse(SUBMIT, answer(201, payment("ACSP", Refund={"Account": {"SchemeName": s, "Identification": i}})))
        for i, s in accounts.items()
    ]
    sort_code, iban, card = [each.refund_account for each in read]
    assert sort_code is not None
    assert sort_code.sort_code == "202015"
    assert iban is not None
    assert iban.iban is not None
    assert card is None


def test_a_code_is_exchanged_for_access() -> None:
    """The access, its lifetime and the refresh token are read; none of them is ever printed."""
    given = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r-token"}
    told = UK.parse(AUTHORISE, answer(200, given))
    assert told.verdict is Verdict.ACCEPTED
    assert told.grant is not None
    assert (told.grant.access_token.reveal(), told.grant.lifetime_seconds) == ("a-token", 300)
    assert told.grant.refresh_token is not None
    assert "a-token" not in repr(told)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, {"error": "invalid_grant"}, Verdict.REJECTED),
        (401, {"error": "invalid_client"}, Verdict.UNKNOWN),
        (400, {"error": "invalid_request"}, Verdict.UNKNOWN),
        (500, {"error": "invalid_grant"}, Verdict.UNKNOWN),
        (200, {"error": "invalid_grant"}, Verdict.UNKNOWN),
        (200, {"access_token": "a b", "token_type": "Bearer"}, Verdict.UNKNOWN),
        (200, {"access_token": "a", "token_type": "mac"}, Verdict.UNKNOWN),
        (503, b"", Verdict.UNKNOWN),
    ],
)
def test_an_exchange_fails_for_good_only_where_the_code_is_refused(status: int, body: Any, verdict: Verdict) -> None:
    """invalid_grant is about the payer's code; everything else is about us or the weather."""
    assert UK.parse(AUTHORISE, answer(status, body)).verdict is verdict


def test_both_versions_say_the_same_with_other_words() -> None:
    """A code and its older word give the same evidence but for the word itself."""
    for code, word in WORD_OF_CODE.items():
        newer, older = (UK.parse(SUBMIT, answer(400, errors(each))) for each in (code, word))
        assert as_told(newer) == as_told(older)


def as_told(evidence: Evidence) -> tuple[Any, ...]:
    return evidence.verdict, evidence.reason, evidence.iso_code
