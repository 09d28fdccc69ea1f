"""The simulated bank's payments, through the real engine: who authorises, what moves, what the bank refuses."""

from dataclasses import replace

import aiohttp
import pytest

from adapters.berlin_group.simulator import Habits
from adapters.berlin_group.simulator.door.certificates import trust
from adapters.contract import AuthorisationMethod, Reason, Verdict
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from tests.support.berlin_group_house import PACE, running, settled

CONSENT, AUTHORISE = OperationKind.CONSENT, OperationKind.AUTHORISE
ENQUIRE, CANCEL = OperationKind.ENQUIRE, OperationKind.CANCEL


async def decide(url: str, decision: str) -> tuple[int, str | None]:
    """What a person does on the bank's page."""
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as page:
            assert "Pay EUR 12.34 to Example Books Ltd?" in await page.text()
        async with session.post(url, data={"decision": decision}, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location")


async def test_a_payer_approves_on_the_page_and_the_payment_completes() -> None:
    """Nothing is booked until the payer approves; their browser comes back to us with our state."""
    async with running() as house:
        told = await house.initiate()
        begun = await house.ask(AUTHORISE, told)
        assert begun.authorisation is not None
        assert begun.authorisation.url is not None
        assert (await house.ask(ENQUIRE, told)).verdict is Verdict.NEEDS_AUTHORISATION
        assert house.simulator.booked() == ()
        back = await decide(begun.authorisation.url.reveal(), "approve")
        assert back == (303, "https://gateway.example.com/banks/example-bank/callback?state=a-state")
        done = await settled(house, told, Verdict.COMPLETED)
        assert (done.amount, done.reference) == (told.amount, told.end_to_end_id)
        assert [each.end_to_end_id for each in house.simulator.booked()] == [told.end_to_end_id]


async def test_a_payer_who_refuses_comes_back_as_such() -> None:
    """A refusal rejects the payment, and the browser comes to the other address."""
    async with running() as house:
        told = await house.initiate()
        begun = await house.ask(AUTHORISE, told)
        assert begun.authorisation is not None
        assert begun.authorisation.url is not None
        back = await decide(begun.authorisation.url.reveal(), "refuse")
        assert back == (303, "https://gateway.example.com/banks/example-bank/callback?state=a-state&refused=1")
        assert (await house.ask(ENQUIRE, told)).verdict is Verdict.REJECTED
        assert house.simulator.booked() == ()


async def test_a_second_click_changes_nothing() -> None:
    """What is decided stays decided, whoever clicks again."""
    async with running() as house:
        told = await house.initiate()
        begun = await house.ask(AUTHORISE, told)
        assert begun.authorisation is not None
        assert begun.authorisation.url is not None
        first = await decide(begun.authorisation.url.reveal(), "approve")
        assert await decide(begun.authorisation.url.reveal(), "refuse") == first
        await settled(house, told, Verdict.COMPLETED)
        assert len(house.simulator.booked()) == 1


async def test_a_bank_with_an_app_is_approved_there() -> None:
    """The decoupled approach has no page: the payer approves in the app, here by command."""
    async with running(Habits(decoupled=True)) as house:
        told = await house.initiate()
        begun = await house.ask(AUTHORISE, told)
        assert begun.authorisation is not None
        assert begun.authorisation.method is AuthorisationMethod.DECOUPLED
        assert house.simulator.approve() == [None]
        await settled(house, told, Verdict.COMPLETED)


async def test_a_bank_that_starts_at_once_needs_no_start() -> None:
    """The implicit bank ignores our preference, brings its page with the initiation, and still moves nothing alone."""
    async with running(Habits(explicit=False)) as house:
        told = house.instruction()
        evidence = await house.ask(CONSENT, told)
        assert evidence.authorisation is not None
        assert evidence.authorisation.url is not None
        assert house.simulator.booked() == ()
        await decide(evidence.authorisation.url.reveal(), "approve")
        assert len(house.simulator.booked()) == 1


async def test_a_bank_that_exempts_executes_the_initiation() -> None:
    """Such a bank's settings say so, because there the initiation itself pays."""
    async with running(Habits(exempts=True)) as house:
        evidence = await house.ask(CONSENT, house.instruction())
        assert evidence.verdict is Verdict.ACCEPTED
        assert len(house.simulator.booked()) == 1
        assert house.simulator.settings.options["executes_without_authorisation"] == "yes"


async def test_an_initiation_that_nobody_authorises_dies() -> None:
    """After its patience the bank rejects it; whoever approves then is too late."""
    async with running(pace=replace(PACE, abandon_seconds=0.1)) as house:
        told = await house.initiate()
        begun = await house.ask(AUTHORISE, told)
        assert begun.authorisation is not None
        await settled(house, told, Verdict.REJECTED)
        assert house.simulator.approve() == []
        assert (await house.ask(AUTHORISE, told)).verdict is Verdict.UNKNOWN
        assert house.simulator.booked() == ()


async def test_two_initiations_are_two_initiations() -> None:
    """There is no idempotency key in the standard: only what the payer approves is a payment."""
    async with running() as house:
        told = [await house.initiate(), await house.initiate()]
        assert house.simulator.initiations == 2
        await house.ask(AUTHORISE, told[1])
        house.simulator.approve()
        assert [each.bank_reference for each in house.simulator.booked()] == [told[1].bank_reference]


async def test_a_payment_is_withdrawn_while_no_money_moved() -> None:
    """An initiation can be cancelled; a settled payment cannot."""
    async with running() as house:
        told = await house.initiate()
        assert (await house.ask(CANCEL, told)).verdict is Verdict.CANCELLED
        assert (await house.ask(ENQUIRE, told)).verdict is Verdict.CANCELLED
        paid = await house.authorised()
        await settled(house, paid, Verdict.COMPLETED)
        assert (await house.ask(CANCEL, paid)).reason is Reason.TOO_LATE
        assert (await house.ask(ENQUIRE, paid)).verdict is Verdict.COMPLETED


async def test_a_cancellation_that_the_payer_must_approve_is_not_done() -> None:
    """Where the bank wants the payer for it, the payment stands as it is."""
    async with running(Habits(cancels_at_once=False)) as house:
        told = await house.authorised()
        assert (await house.ask(CANCEL, told)).verdict is Verdict.ACCEPTED
        await settled(house, told, Verdict.COMPLETED)


@pytest.mark.parametrize(
    ("fault", "wanted"), [(Fault.REJECT_LATER, Verdict.REJECTED), (Fault.STAY_PENDING, Verdict.COMPLETED)]
)
async def test_an_accepted_payment_may_still_wait_or_fail(fault: Fault, wanted: Verdict) -> None:
    """What the bank decides after the payer's approval is told by enquiries."""
    async with running() as house:
        house.simulator.plan(fault)
        told = await house.authorised()
        await settled(house, told, wanted)


@pytest.mark.parametrize("fault", [Fault.WRONG_AMOUNT, Fault.WRONG_EXPONENT, Fault.WRONG_REFERENCE])
async def test_a_wrong_echo_is_there_to_be_caught(fault: Fault) -> None:
    """The bank speaks of another amount or payment, and the evidence gives that on."""
    async with running() as house:
        told = await house.authorised()
        house.simulator.plan(fault, ENQUIRE)
        evidence = await house.ask(ENQUIRE, told)
        assert (evidence.amount, evidence.reference) != (told.amount, told.end_to_end_id)


async def test_the_answers_of_a_bank_that_signs_are_verified() -> None:
    """With the bank's certificate in the settings its signed answers pass the engine; another's do not."""
    async with running(Habits(signs_answers=True)) as house:
        assert (await house.ask(CONSENT, house.instruction())).verdict is Verdict.NEEDS_AUTHORISATION
    async with running(Habits(signs_answers=False)) as house:
        known = {**house.bank.settings.options, "bank_signing_certificate": trust().bank.certificate_pem}
        bank = replace(house.bank, settings=replace(house.bank.settings, options=known))
        assert (await replace(house, bank=bank).ask(CONSENT, house.instruction())).verdict is Verdict.UNKNOWN
