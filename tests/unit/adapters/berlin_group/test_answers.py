"""What a NextGenPSD2 bank's answers prove: each word by its table, and nothing that is not said."""

from dataclasses import replace

import pytest

from adapters.berlin_group.mapping import adapter
from adapters.berlin_group.tables import ABSENT, ERRORS, REFUSALS, SCA_STATUSES, STATUSES
from adapters.contract import AuthorisationMethod, Evidence, Reason, Verdict
from adapters.declaration import OperationKind
from adapters.wire import WireReply, WireRequest
from kernel.masked import Secret
from kernel.money import Money
from tests.support.berlin_group import PAYMENT_ID, links, refusal, reply

CONSENT, AUTHORISE = OperationKind.CONSENT, OperationKind.AUTHORISE
ENQUIRE, CANCEL = OperationKind.ENQUIRE, OperationKind.CANCEL
STATUSES_THAT_END = {Verdict.REJECTED, Verdict.CANCELLED}


def read(kind: OperationKind, answer: WireReply) -> Evidence:
    return adapter().parse(kind, answer)


def initiated(status: str = "RCVD", *names: str, approach: str = "REDIRECT") -> WireReply:
    body = {"transactionStatus": status, "paymentId": PAYMENT_ID, "_links": links(*names)}
    return reply(201, body, aspsp_sca_approach=approach)


def started(status: str = "received", *names: str, approach: str = "REDIRECT") -> WireReply:
    body = {"scaStatus": status, "authorisationId": "123auth456", "_links": links(*names)}
    return reply(201, body, aspsp_sca_approach=approach)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_an_initiation_waits_for_its_authorisation_whatever_its_status(status: str) -> None:
    """With a link to start the authorisation the bank waits for it, unless the status says that all is over."""
    evidence = read(CONSENT, initiated(status, "startAuthorisation", "self"))
    expected = STATUSES[status] if STATUSES[status] in STATUSES_THAT_END else Verdict.NEEDS_AUTHORISATION
    assert evidence.verdict is expected
    assert evidence.bank_reference == evidence.consent_id == PAYMENT_ID
    assert evidence.authorisation is None


def test_a_bank_that_starts_at_once_brings_the_payers_page() -> None:
    """An implicit authorisation is there with the initiation: the payer can be sent at once."""
    evidence = read(CONSENT, initiated("RCVD", "scaRedirect", "scaStatus"))
    assert evidence.verdict is Verdict.NEEDS_AUTHORISATION
    assert evidence.authorisation is not None
    assert evidence.authorisation.method is AuthorisationMethod.REDIRECT
    assert evidence.authorisation.url == Secret("https://bank.example/scaRedirect")


def test_a_bank_that_asks_in_its_app_brings_no_page() -> None:
    """The decoupled approach is told by its header, for an initiation and for an authorisation."""
    for evidence in (
        read(CONSENT, initiated("RCVD", "scaStatus", approach="DECOUPLED")),
        read(AUTHORISE, started("started", "scaStatus", approach="DECOUPLED")),
    ):
        assert evidence.verdict is Verdict.NEEDS_AUTHORISATION
        assert evidence.authorisation is not None
        assert (evidence.authorisation.method, evidence.authorisation.url) == (AuthorisationMethod.DECOUPLED, None)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_an_initiation_that_waits_for_nobody_is_what_its_status_says(status: str) -> None:
    """A bank that executes without authorisation is believed: an executed payment is no initiation any more."""
    evidence = read(CONSENT, initiated(status, "self", "status"))
    waits = STATUSES[status] is Verdict.NEEDS_AUTHORISATION
    assert evidence.verdict is (Verdict.UNKNOWN if waits else STATUSES[status])


@pytest.mark.parametrize(
    "answer",
    [
        initiated("RCVD", "startAuthorisationWithPsuAuthentication", approach="EMBEDDED"),
        initiated("RCVD", "scaOAuth"),
    ],
)
def test_an_approach_that_we_do_not_speak_is_named(answer: WireReply) -> None:
    """Where the bank wants the payer's credentials from us, or another grant, nothing is claimed."""
    evidence = read(CONSENT, answer)
    assert (evidence.verdict, evidence.raw_code) == (Verdict.UNKNOWN, "sca_not_supported")


@pytest.mark.parametrize("status", sorted(SCA_STATUSES))
def test_a_started_authorisation_says_whom_the_bank_waits_for(status: str) -> None:
    """While the authorisation is open there is a page; a finished one leaves the payment to the enquiry."""
    evidence = read(AUTHORISE, started(status, "scaRedirect"))
    assert evidence.verdict is SCA_STATUSES[status]
    assert (evidence.authorisation is not None) is (evidence.verdict is Verdict.NEEDS_AUTHORISATION)
    assert evidence.verdict not in {Verdict.REJECTED, Verdict.ACCEPTED}


@pytest.mark.parametrize("href", ["javascript:alert(1)", "/sca/1", "https://bank.example/a b", "", "https://"])
def test_a_page_that_a_browser_must_not_open_is_no_page(href: str) -> None:
    """Only an absolute web address is given to a payer."""
    body = {"scaStatus": "received", "authorisationId": "a", "_links": {"scaRedirect": {"href": href}}}
    assert read(AUTHORISE, reply(201, body)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_an_enquiry_says_the_status_with_its_echo(status: str) -> None:
    """Status, amount and reference are given back as the bank tells them."""
    body = {
        "transactionStatus": status,
        "instructedAmount": {"currency": "EUR", "amount": "12.34"},
        "endToEndIdentification": "TN01",
    }
    evidence = read(ENQUIRE, reply(200, body))
    assert (evidence.verdict, evidence.raw_code, evidence.iso_code) == (STATUSES[status], status, status)
    assert (evidence.amount, evidence.reference) == (Money("EUR", 1234), "TN01")
    assert read(ENQUIRE, reply(200, {"transactionStatus": status})).verdict is STATUSES[status]


@pytest.mark.parametrize(
    ("currency", "told", "value"),
    [
        ("JPY", "1234", 1234),
        ("EUR", "12.34", 1234),
        ("EUR", "12.3", 1230),
        ("EUR", "12", 1200),
        ("KWD", "1.234", 1234),
        ("CLF", "0.1234", 1234),
        ("EUR", "99999999999999.99", None),
        ("EUR", "12.345", None),
        ("JPY", "12.5", None),
        ("EUR", "-12.34", None),
        ("EUR", "1e2", None),
        ("EUR", " 12.34", None),
        ("XXX", "12.34", None),
        ("eur", "12.34", None),
    ],
)
def test_amounts_come_back_exactly_or_not_at_all(currency: str, told: str, value: int | None) -> None:
    """An amount is read to its last digit; one that its currency cannot have makes the answer unbelievable."""
    body = {"transactionStatus": "ACSC", "instructedAmount": {"currency": currency, "amount": told}}
    evidence = read(ENQUIRE, reply(200, body))
    assert evidence.amount == (None if value is None else Money(currency, value))
    assert evidence.verdict is (Verdict.UNKNOWN if value is None else Verdict.SETTLED)


def test_a_payment_without_a_reference_of_ours_is_not_another_payment() -> None:
    """NOTPROVIDED is what banks say where there was none."""
    assert read(
        ENQUIRE, reply(200, {"transactionStatus": "ACSP", "endToEndIdentification": "NOTPROVIDED"})
    ) == Evidence(verdict=Verdict.ACCEPTED, raw_code="ACSP", iso_code="ACSP")


def test_a_rejection_says_why_where_the_bank_does() -> None:
    """The reason of a rejected payment comes from the messages beside its status."""
    body = {"transactionStatus": "RJCT", "tppMessages": [{"category": "ERROR", "code": "FUNDS_NOT_AVAILABLE"}]}
    assert read(ENQUIRE, reply(200, body)).reason is Reason.INSUFFICIENT_FUNDS
    assert read(ENQUIRE, reply(200, {"transactionStatus": "RJCT"})).reason is Reason.UNSPECIFIED


@pytest.mark.parametrize("word", ["XXXX", "rjct", "ACCC ", "", 7, None])
def test_an_unknown_word_is_kept_and_means_nothing(word: object) -> None:
    """A status or SCA status that no table has is unknown, never a rejection, with the word beside it if it is one."""
    for kind, answer in (
        (ENQUIRE, reply(200, {"transactionStatus": word})),
        (CONSENT, reply(201, {"transactionStatus": word, "paymentId": "1", "_links": links("startAuthorisation")})),
        (AUTHORISE, reply(201, {"scaStatus": word, "authorisationId": "1", "_links": links("scaRedirect")})),
    ):
        evidence = read(kind, answer)
        assert evidence.verdict is Verdict.UNKNOWN
        assert evidence.raw_code == (word if word in {"XXXX", "rjct"} else None)


@pytest.mark.parametrize("code", sorted({*ERRORS, "NEW_CODE"}))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 408, 409, 415, 429, 500, 503])
def test_an_error_refuses_only_where_its_table_says_so(status: int, code: str) -> None:
    """For each code under each HTTP status: a refusal, an absence, or nothing; never more than the tables have."""
    for kind in (CONSENT, AUTHORISE):
        evidence = read(kind, refusal(status, code))
        assert evidence.verdict is (Verdict.REJECTED if (status, code) in REFUSALS else Verdict.UNKNOWN)
        assert evidence.raw_code == code
    absent = (status, code) in ABSENT
    assert read(ENQUIRE, refusal(status, code)).verdict is (Verdict.NOT_FOUND if absent else Verdict.UNKNOWN)
    too_late = (status, code) == (405, "CANCELLATION_INVALID")
    assert read(CANCEL, refusal(status, code)).verdict is (Verdict.REJECTED if too_late else Verdict.UNKNOWN)


def test_a_problem_document_is_read_like_a_message() -> None:
    """The standard allows both forms of an error."""
    raw = WireReply(
        status=400,
        headers={"content-type": "application/problem+json"},
        body=b'{"type":"https://bank.example/e","code":"PAYMENT_FAILED"}',
    )
    assert read(CONSENT, raw).verdict is Verdict.REJECTED


def test_warnings_refuse_nothing() -> None:
    """A message that is only a warning is no error."""
    body = {"tppMessages": [{"category": "WARNING", "code": "PAYMENT_FAILED"}]}
    assert read(CONSENT, reply(400, body)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply(204, x_request_id="1"), Verdict.CANCELLED),
        (reply(204), Verdict.UNKNOWN),
        (reply(202, {"transactionStatus": "CANC"}), Verdict.CANCELLED),
        (reply(202, {"transactionStatus": "ACSP", "_links": links("startAuthorisation")}), Verdict.ACCEPTED),
        (reply(202, {"transactionStatus": "ACSP"}), Verdict.UNKNOWN),
        (reply(200, {"transactionStatus": "CANC"}), Verdict.UNKNOWN),
        (refusal(405, "CANCELLATION_INVALID"), Verdict.REJECTED),
        (refusal(400, "CANCELLATION_INVALID"), Verdict.UNKNOWN),
    ],
)
def test_a_cancellation_is_believed_only_when_it_is_done(answer: WireReply, verdict: Verdict) -> None:
    """Done is done, refused is refused; where the payer would have to approve it nothing is; else it is asked."""
    assert read(CANCEL, answer).verdict is verdict


@pytest.mark.parametrize("status", sorted(SCA_STATUSES))
def test_how_an_authorisation_stands_says_nothing_against_a_payment(status: str) -> None:
    """A failed one is the payer's refusal, which the payment's own status has to confirm."""
    told = read(OperationKind.ENQUIRE_AUTHORISATION, reply(200, {"scaStatus": status}))
    assert told.verdict is SCA_STATUSES[status]
    assert told.verdict is not Verdict.REJECTED
    assert (told.reason is Reason.AUTHORISATION_REFUSED) == (status == "failed")


@pytest.mark.parametrize(
    ("asked", "body"),
    [("/authorisations", {"scaStatus": "finalised"}), ("/authorisations/1", {"authorisationIds": []})],
)
def test_an_answer_to_another_question_is_none(asked: str, body: dict[str, object]) -> None:
    """Asked which authorisations there are, the status of one is no answer; nor the other way round."""
    request = WireRequest(method="GET", path=f"/v1/payments/sepa-credit-transfers/{PAYMENT_ID}{asked}")
    told = read(OperationKind.ENQUIRE_AUTHORISATION, replace(reply(200, body), request=request))
    assert (told.verdict, told.authorisation_ids) == (Verdict.UNKNOWN, None)


def test_the_bank_may_ask_us_to_wait() -> None:
    """Retry-After is passed on, with or without a readable body."""
    for answer in (refusal(429, "ACCESS_EXCEEDED"), reply(503, None)):
        waiting = WireReply(status=answer.status, headers={**answer.headers, "retry-after": "7"}, body=answer.body)
        assert read(ENQUIRE, waiting).retry_after_seconds == 7


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {"transactionStatus": "ACSC", "paymentId": "1", "_links": {}}),
        reply(201, {"transactionStatus": "RCVD", "_links": links("startAuthorisation")}),
        reply(201, {"transactionStatus": "RCVD", "paymentId": "a b", "_links": links("startAuthorisation")}),
        reply(201, {"transactionStatus": "RCVD", "paymentId": "1", "_links": []}),
        reply(201, []),
        reply(302, {"transactionStatus": "RJCT"}),
        WireReply(status=201, body=b'{"transactionStatus":"RJCT","paymentId":"1"'),
    ],
)
def test_an_answer_that_is_not_as_documented_proves_nothing(answer: WireReply) -> None:
    """A wrong HTTP status, a missing id, links that are none, a body that breaks off: unknown."""
    assert read(CONSENT, answer).verdict is Verdict.UNKNOWN
