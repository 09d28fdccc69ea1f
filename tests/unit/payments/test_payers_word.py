"""What a bank says of a payer, beside what it says of their payment."""

from itertools import product

import pytest

from adapters.contract import Authorisation, AuthorisationMethod, Evidence, Reason, Verdict
from payments.states.names import AuthorisationStatus
from payments.states.payers import Attitude, PayersWord, beside, is_unclear, word_of

PENDING, WAITS = Evidence(verdict=Verdict.PENDING), Evidence(verdict=Verdict.NEEDS_AUTHORISATION)
REFUSED = Evidence(verdict=Verdict.UNKNOWN, reason=Reason.AUTHORISATION_REFUSED)
NOTHING = Evidence(verdict=Verdict.UNKNOWN)
APP = Authorisation(method=AuthorisationMethod.DECOUPLED)
PLANNED, AWAITING = AuthorisationStatus.PLANNED, AuthorisationStatus.AWAITING
RETURNED, NO = AuthorisationStatus.RETURNED, AuthorisationStatus.REFUSED
PAYERS = [None, *AuthorisationStatus]
WORDS = [None, *(PayersWord(attitude=each, authorisation=APP) for each in Attitude)]


@pytest.mark.parametrize(
    ("told", "attitude"),
    [
        ([], Attitude.NOT_ASKED),
        ([WAITS], Attitude.AWAITED),
        ([REFUSED], Attitude.REFUSED),
        ([PENDING], Attitude.APPROVED),
        ([REFUSED, WAITS], Attitude.AWAITED),
        ([REFUSED, REFUSED], Attitude.REFUSED),
        ([WAITS, REFUSED, PENDING], Attitude.APPROVED),
        ([NOTHING, PENDING], Attitude.APPROVED),
        ([NOTHING], None),
        ([NOTHING, WAITS], None),
        ([REFUSED, NOTHING], None),
    ],
)
def test_all_authorisations_together_say_one_thing(told: list[Evidence], attitude: Attitude | None) -> None:
    """One approval is enough; one that was not understood leaves anything possible but that."""
    word = word_of(told)
    assert (word.attitude if word else None) is attitude


def test_a_word_about_the_payer_ends_nothing() -> None:
    """Whatever the payer did, the payment is rejected, accepted or found only where the bank says that of it."""
    for verdict, word, payer in product(Verdict, WORDS, PAYERS):
        said = Evidence(verdict=verdict, raw_code="A", iso_code="B", bank_reference="C")
        heard = beside(said, word, payer)
        assert heard.verdict in {verdict, Verdict.NEEDS_AUTHORISATION}
        assert heard.verdict is verdict or verdict is Verdict.PENDING
        assert (heard.raw_code, heard.iso_code, heard.bank_reference) == ("A", "B", "C")


@pytest.mark.parametrize("attitude", sorted(Attitude))
def test_pending_is_believed_once_the_payer_approved(attitude: Attitude) -> None:
    """Before that it is a payment that waits for its payer."""
    heard = beside(PENDING, PayersWord(attitude=attitude), PLANNED)
    assert heard.verdict is (Verdict.PENDING if attitude is Attitude.APPROVED else Verdict.NEEDS_AUTHORISATION)


def test_a_list_without_what_was_begun_is_not_believed() -> None:
    """The bank answered the start of one: that it lists none says nothing of the payer."""
    nobody = PayersWord(attitude=Attitude.NOT_ASKED)
    assert beside(PENDING, nobody, AWAITING).verdict is Verdict.PENDING


def test_the_way_to_the_payer_is_taken_only_where_none_was_told() -> None:
    """Told once more while they are expected, it would prolong their time without end."""
    again = PayersWord(attitude=Attitude.AWAITED, authorisation=APP)
    assert [beside(PENDING, again, payer).authorisation for payer in (PLANNED, AWAITING)] == [APP, None]


@pytest.mark.parametrize("reason", [None, *Reason])
def test_a_rejection_has_the_payers_reason_only_where_the_bank_gives_none(reason: Reason | None) -> None:
    """By the bank's word about the payer or their browser's."""
    rejected = Evidence(verdict=Verdict.REJECTED, reason=reason)
    no = PayersWord(attitude=Attitude.REFUSED)
    told = {beside(rejected, no, RETURNED).reason, beside(rejected, None, NO).reason}
    assert told == ({Reason.AUTHORISATION_REFUSED} if reason in {None, Reason.UNSPECIFIED} else {reason})
    assert beside(rejected, PayersWord(attitude=Attitude.APPROVED), RETURNED).reason is reason


def test_the_bank_is_asked_about_the_payer_only_where_that_may_tell() -> None:
    """What promises, settles or ends a payment for a reason is clear by itself."""
    unclear = {
        (payer, verdict) for payer, verdict in product(PAYERS, Verdict) if is_unclear(payer, Evidence(verdict=verdict))
    }
    assert unclear == {
        (PLANNED, Verdict.NEEDS_AUTHORISATION),
        *((payer, Verdict.PENDING) for payer in (PLANNED, AWAITING, NO)),
        *((payer, Verdict.REJECTED) for payer in (PLANNED, AWAITING, RETURNED)),
    }
    assert not is_unclear(AWAITING, Evidence(verdict=Verdict.REJECTED, reason=Reason.ACCOUNT_BLOCKED))
