"""Which step a consent takes next, and what answers change of it: without a bank and without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from accounts.consents.hear import Heard, burnt, change_by, expiry, refreshed
from accounts.consents.plan import CALLS, Journey, Step, next_step
from accounts.consents.rows import ConsentRow
from accounts.consents.states import (
    CONSENT_MOVES,
    EVENT_SENTENCES,
    FINAL_STATES,
    STATE_SENTENCES,
    ConsentState,
    is_allowed,
)
from adapters.contract import Authorisation, Grant
from adapters.contract.accounts import ConsentStatus, Reading, Trouble
from kernel.ids import Environment, Tenant
from kernel.masked import Secret
from tests.support.account_bank import ASKED, CODES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CODE, ASK = Journey.of(CODES), Journey.of(ASKED)
S = ConsentState


def consent(**changes: Any) -> ConsentRow:
    """A new consent with changes."""
    row = ConsentRow(
        tenant=Tenant(uuid4(), Environment.TEST),
        id=uuid4(),
        merchant_id=uuid4(),
        client_id=uuid4(),
        bank_id="bank",
        status=S.CREATED,
        reason=None,
        valid_until=NOW + timedelta(days=90),
        authorise_by=NOW + timedelta(hours=1),
        bank_consent_id=None,
        state_digest=b"",
        sealed_terms=b"",
        method=None,
        sealed_url=None,
        returned_at=None,
        sealed_code=None,
        exchange_sent=False,
        sealed_grant=None,
        access_ends_at=None,
        is_doubted=False,
        must_end=False,
        accounts_at=None,
        lease_owner=None,
        lease_until=None,
        next_check_at=None,
        checks=0,
        created_at=NOW,
        updated_at=NOW,
        authorised_at=None,
        ended_at=None,
    )
    return replace(row, **changes)


PAST, SOON = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
AWAITED = {"status": S.AWAITING_AUTHORISATION, "bank_consent_id": "b"}


@pytest.mark.parametrize(
    ("changes", "journey", "step"),
    [
        ({}, CODE, Step.ASK),
        ({"authorise_by": PAST}, CODE, Step.EXPIRE),
        ({"bank_consent_id": "b"}, ASK, Step.BEGIN),
        (AWAITED, CODE, Step.WAIT),
        (AWAITED, ASK, Step.CHECK),
        ({**AWAITED, "authorise_by": PAST}, ASK, Step.EXPIRE),
        ({**AWAITED, "sealed_code": b"c"}, CODE, Step.EXCHANGE),
        ({**AWAITED, "sealed_code": b"c", "authorise_by": PAST}, CODE, Step.EXCHANGE),
        ({**AWAITED, "sealed_code": b"c", "exchange_sent": True}, CODE, Step.BURN),
        ({**AWAITED, "sealed_code": b"c", "exchange_sent": True, "lease_until": SOON}, CODE, Step.WAIT),
        ({"lease_until": SOON}, CODE, Step.WAIT),
        ({"lease_until": PAST}, CODE, Step.ASK),
        ({"status": S.AUTHORISED}, CODE, Step.WAIT),
        ({"status": S.AUTHORISED, "valid_until": PAST}, CODE, Step.EXPIRE),
        ({"status": S.AUTHORISED, "is_doubted": True}, CODE, Step.CHECK),
        ({"status": S.AUTHORISED, "is_doubted": True}, replace(CODE, checks=False), Step.EXPIRE),
        ({"status": S.REVOKED, "must_end": True}, CODE, Step.END),
        ({"status": S.REVOKED, "must_end": True}, replace(CODE, ends=False), Step.WAIT),
        ({"status": S.REVOKED, "must_end": True, "valid_until": PAST}, CODE, Step.WAIT),
        ({"status": S.REVOKED}, CODE, Step.WAIT),
    ],
)
def test_the_next_step(changes: dict[str, Any], journey: Journey, step: Step) -> None:
    """Each row is a rule: what is known of a consent, what its bank can do, what comes next."""
    assert next_step(consent(**changes), journey, NOW) is step


GRANT = Grant(access_token=Secret("a"))
READINGS = [
    Reading(trouble=trouble, consent_status=status, consent_id=found, grant=grant, authorisation=authorisation)
    for trouble, status, found, grant, authorisation in product(
        (None, *Trouble), (None, *ConsentStatus), (None, "b"), (None, GRANT), (None, Authorisation(url=Secret("u")))
    )
]
HEARD = [*(Heard(reading=reading) for reading in READINGS), Heard(), Heard(left=False)]


@pytest.mark.parametrize("status", list(S))
def test_no_answer_leads_where_no_move_leads(status: ConsentState) -> None:
    """Whatever a bank says, whenever: the change is a move of the table, and an ended consent stays ended."""
    row = consent(status=status, bank_consent_id="b")
    for step, journey, heard in product(CALLS, (CODE, ASK), HEARD):
        target = change_by(step, row, journey, heard).status or status
        reachable = status in FINAL_STATES or step in _steps_of(status)
        assert not reachable or is_allowed(status, target), (step, heard)
        assert status not in FINAL_STATES or target is status


def _steps_of(status: ConsentState) -> set[Step]:
    return {
        S.CREATED: {Step.ASK, Step.BEGIN},
        S.AWAITING_AUTHORISATION: {Step.EXCHANGE, Step.CHECK},
        S.AUTHORISED: {Step.CHECK},
    }.get(status, {Step.END})


def test_what_cannot_be_believed_ends_nothing() -> None:
    """An unreadable answer is no refusal: it is asked again, but for a code, which is good once."""
    for step in set(CALLS) - {Step.EXCHANGE}:
        for status in ConsentStatus:
            reading = Reading(trouble=Trouble.UNREADABLE, consent_status=status)
            change = change_by(step, consent(bank_consent_id="b"), ASK, Heard(reading=reading))
            assert (change.status, change.again) == (None, True), (step, status)
    lost = change_by(Step.EXCHANGE, consent(**AWAITED), CODE, Heard())
    assert (lost, lost.must_end) == (burnt(), True)


def test_a_code_is_kept_only_if_it_never_left() -> None:
    """Our own transport's proof is the one reason to send a code again."""
    for heard in HEARD:
        change = change_by(Step.EXCHANGE, consent(**AWAITED), CODE, heard)
        assert change.exchange_unsent == (not heard.left)


def test_an_end_is_heard_of_only_when_the_bank_says_so() -> None:
    """It is told again after everything but a confirmation, or that it knows the consent no more."""
    ended = consent(status=S.REVOKED, bank_consent_id="b", must_end=True)
    for heard in HEARD:
        change = change_by(Step.END, ended, CODE, heard)
        gone = heard.reading.trouble in {None, Trouble.NOT_FOUND, Trouble.CONSENT_NOT_USABLE}
        assert (change.must_end is False) == (heard.left and gone)


def test_what_a_late_answer_made_is_ended_too() -> None:
    """A consent that ended while the bank was asked is ended there under the id that the answer brings."""
    change = change_by(Step.ASK, consent(status=S.REVOKED), CODE, Heard(reading=Reading(consent_id="late")))
    assert (change.bank_consent_id, change.must_end) == ("late", True)


def test_expiry_says_why() -> None:
    """A merchant is told whether its time ended, nobody came, or the bank gives no access any more."""
    assert expiry(consent()).reason == "not_authorised_in_time"
    assert expiry(consent(status=S.AUTHORISED)).reason == "validity_ended"
    assert expiry(consent(status=S.AUTHORISED, is_doubted=True)).reason == "access_lost"
    assert refreshed(Heard.refusal()).status is S.EXPIRED
    assert refreshed(Heard()).again is True


def test_states_moves_and_events_are_complete() -> None:
    """Each state has its sentence; nothing leaves an end; every end and the authorisation is told."""
    assert set(STATE_SENTENCES) == set(S)
    assert not {origin for origin, _ in CONSENT_MOVES} & FINAL_STATES
    assert set(EVENT_SENTENCES) == {f"consent.{state}" for state in (S.AUTHORISED, *FINAL_STATES)}


def test_an_answer_about_another_consent_changes_nothing_here() -> None:
    """Neither ends it nor opens it; access that was given for another one is none, and the code is spent."""
    ours = consent(status=S.AUTHORISED, bank_consent_id="ours", is_doubted=True)
    for status in ConsentStatus:
        change = change_by(Step.CHECK, ours, ASK, Heard(reading=Reading(consent_status=status, consent_id="theirs")))
        assert (change.status, change.bank_consent_id, change.again) == (None, None, True)
    awaited = consent(status=S.AWAITING_AUTHORISATION, bank_consent_id="ours")
    given = Reading(grant=Grant(access_token=Secret("t")), consent_id="theirs")
    change = change_by(Step.EXCHANGE, awaited, CODE, Heard(reading=given))
    assert (change.status, change.grant, change.must_end) == (S.EXPIRED, None, True)
