"""Every adapter against every fault that its simulator knows: never two payments, never a false "rejected"."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

import pytest

from adapters.contract import Answered, Instruction, Verdict
from adapters.declaration import EnquiryKey, OperationKind, Recovery
from adapters.simulation.faults import Fault
from tests.contracts.adapters.kit.following import pay
from tests.contracts.adapters.kit.harness import (
    ADAPTERS,
    CANCELLING,
    ENQUIRING,
    IDEMPOTENT,
    PACE,
    PAYING,
    House,
    learned,
    running,
)
from tests.support import browser


def enquiry_suffices(name: str) -> bool:
    """Whether a payment whose answer got lost can be followed to its end by asking alone."""
    declaration = ADAPTERS[name].declaration
    asked_by_ours = EnquiryKey.END_TO_END_ID in declaration.enquiry_keys
    return asked_by_ours or declaration.recovery_of(declaration.arms) is Recovery.ENQUIRE


WIRE = frozenset(Fault) - {Fault.REJECT_LATER, Fault.RETURN, Fault.STAY_PENDING, Fault.REFUSE}
SIDE_BY_SIDE = 4
ALWAYS_REJECTED = {Fault.REFUSE, Fault.REJECT_LATER}
HARMLESS = {Fault.ANSWER_LATE, Fault.STAY_PENDING, Fault.NOTIFY_FIRST, Fault.NOTIFY_TWICE, Fault.NOTIFY_FORGED}
# Whatever it declares, a bank is tried with every way of recovery that it could declare. A consent tells whether it was
# used, and not what became of the payment: a bank that is asked by it could not declare recovery by enquiry.
WAYS = [
    *((name, Recovery.RESEND) for name in IDEMPOTENT),
    *((name, Recovery.ENQUIRE) for name in ENQUIRING if enquiry_suffices(name)),
]
FUNDS = OperationKind.CONFIRM_FUNDS
# The protocols whose banks may be asked for the payer's funds; whether one is, its options say.
ASKING = [name for name in PAYING if FUNDS in ADAPTERS[name].declaration.operations]
# The operations before the one from which on money may move.
EARLIER = [
    (name, kind)
    for name in PAYING
    for journey in [ADAPTERS[name].declaration.journey]
    for kind in journey[: journey.index(ADAPTERS[name].declaration.arms)]
] + [(name, FUNDS) for name in ASKING]


async def under_each(
    name: str, faults: Iterable[Fault], case: Callable[[House, Fault], Coroutine[Any, Any, None]]
) -> None:
    """The case under each fault that the bank can show, each at a bank of its own, a few at a time."""
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(fault: Fault) -> None:
        async with turns, running(name) as house:
            if fault in house.simulator.faults:
                await case(house, fault)

    async with running(name):
        named = sorted(faults)  # The bank's keys are made once, before any deadline runs.
    results = await asyncio.gather(*(one(fault) for fault in named), return_exceptions=True)
    wrong = [(fault, result) for fault, result in zip(named, results, strict=True) if isinstance(result, Exception)]
    for fault, error in wrong:
        error.add_note(f"under the fault {fault}")
    if wrong:
        raise ExceptionGroup(f"{name} under faults", [error for _, error in wrong])


def hold_the_pass_line(house: House, instruction: Instruction, verdict: Verdict | None) -> None:
    """One payment at the bank or none; "rejected", or given up, only where no money moved or will move."""
    booked = [each for each in house.booked() if each.end_to_end_id == instruction.end_to_end_id]
    assert len(booked) == len(house.booked()) <= 1
    assert all(each.amount == instruction.amount for each in booked)
    if verdict in {Verdict.REJECTED, None}:
        assert not any(each.moved_money or each.status != "rejected" for each in booked)


@pytest.mark.parametrize(("name", "strategy"), WAYS)
async def test_one_fault_never_pays_twice_nor_denies_a_payment(name: str, strategy: Recovery) -> None:
    """A submission that meets a fault ends as one payment or none, and the last verdict is what the books say."""

    async def case(house: House, fault: Fault) -> None:
        instruction = house.instruction()
        house.plan(fault)
        ending = await pay(house, instruction, strategy)
        await asyncio.sleep(PACE.hidden_seconds)
        hold_the_pass_line(house, instruction, ending.verdict)
        assert ending.verdict in expected(house, fault, strategy)

    await under_each(name, Fault, case)


def expected(house: House, fault: Fault, strategy: Recovery) -> set[Verdict]:
    """How a payment may end that met the fault once, where its bank was first told to pay."""
    if fault in ALWAYS_REJECTED:
        return {Verdict.REJECTED}
    if fault is Fault.RETURN:
        return {Verdict.RETURNED}
    if house.declared.journey[-1] is OperationKind.AUTHORISE and fault not in HARMLESS:
        # The payer's address stands in the answer: where it got lost, nobody approves, and the bank gives up in time.
        return {Verdict.REJECTED, Verdict.CANCELLED, Verdict.COMPLETED}
    never_booked = {Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE, Fault.TOO_MANY}
    return {Verdict.REJECTED if strategy is Recovery.ENQUIRE and fault in never_booked else Verdict.COMPLETED}


@pytest.mark.parametrize(("name", "kind"), EARLIER)
async def test_a_fault_before_money_may_move_costs_another_try_or_the_consent(name: str, kind: OperationKind) -> None:
    """What is lost on the way to the payer ends in one payment or in none, and is never called a payment."""
    await skip_what_is_not_asked(name, kind)

    async def case(house: House, fault: Fault) -> None:
        instruction = house.instruction()
        house.plan(fault, kind)
        ending = await pay(house, instruction, house.declared.recovery_of(house.arms))
        await asyncio.sleep(PACE.hidden_seconds)
        hold_the_pass_line(house, instruction, ending.verdict)
        assert ending.verdict in {Verdict.COMPLETED, None}
        assert ending.verdict is Verdict.COMPLETED or kind is house.declared.after_return

    await under_each(name, WIRE, case)


async def skip_what_is_not_asked(name: str, kind: OperationKind) -> None:
    """Whether a bank is asked for funds, its own options say."""
    async with running(name) as house:
        if kind not in house.declared.journey:
            pytest.skip("this bank is not asked")


@pytest.mark.parametrize("name", ASKING)
async def test_a_bank_that_says_that_there_are_no_funds_is_not_told_to_pay(name: str) -> None:
    """A plain "no" ends the payment before anything was sent that can move money."""
    await skip_what_is_not_asked(name, FUNDS)
    async with running(name) as house:
        house.plan(Fault.REFUSE, FUNDS)
        ending = await pay(house, house.instruction(), house.declared.recovery_of(house.arms))
        assert (ending.verdict, ending.sends, house.booked()) == (Verdict.REJECTED, 0, [])


@pytest.mark.parametrize("name", sorted({name for name, _ in EARLIER}))
async def test_a_payer_who_refuses_pays_nothing(name: str) -> None:
    """A refusal at the bank's page moves no money, whatever is asked of the bank afterwards."""
    async with running(name) as house:
        instruction = house.instruction()
        before = house.declared.journey[: house.declared.journey.index(house.arms)]
        evidence = None
        for kind in (each for each in (*before, house.arms) if each is not house.declared.after_return):
            if evidence is not None and house.declared.after_return is not None:
                break
            _, evidence = await house.send(kind, instruction)
            instruction = learned(instruction, evidence)
        told = evidence if evidence is not None and evidence.authorisation is not None else None
        back = await house.returned(instruction, told, browser.REFUSE)
        assert back.handshake is not None
        assert back.handshake.code is None
        await asyncio.sleep(2 * (PACE.settle_seconds + PACE.complete_seconds))
        hold_the_pass_line(house, instruction, None)


@pytest.mark.parametrize("name", PAYING)
async def test_the_first_answer_under_a_fault_is_never_a_rejection(name: str) -> None:
    """No fault of the wire makes the first call look like an explicit refusal."""

    async def case(house: House, fault: Fault) -> None:
        instruction = await house.ready(house.instruction())
        house.plan(fault)
        _, evidence = await house.send(house.arms, instruction)
        assert evidence.verdict is not Verdict.REJECTED

    await under_each(name, WIRE, case)


@pytest.mark.parametrize("name", ENQUIRING)
async def test_a_faulty_enquiry_changes_nothing(name: str) -> None:
    """An enquiry that meets a fault neither rejects a payment that the bank has, nor makes another."""

    async def case(house: House, fault: Fault) -> None:
        instruction, _ = await house.submitted(house.instruction())
        house.plan(fault, OperationKind.ENQUIRE)
        _, evidence = await house.send(OperationKind.ENQUIRE, instruction)
        assert evidence.verdict not in {Verdict.REJECTED, Verdict.NOT_FOUND}
        hold_the_pass_line(house, instruction, evidence.verdict)

    await under_each(name, WIRE, case)


@pytest.mark.parametrize("name", IDEMPOTENT)
async def test_many_sends_of_the_same_bytes_make_one_payment(name: str) -> None:
    """The sealed bytes sent ten times at once, and once more later, are one payment."""
    async with running(name) as house:
        instruction = await house.ready(house.instruction())
        sealed = house.adapter.build(house.arms, instruction).to_bytes()
        first = await asyncio.gather(*(house.resend(house.arms, sealed, instruction) for _ in range(10)))
        last = await house.resend(house.arms, sealed, instruction)
        references = {evidence.bank_reference for _, evidence in [*first, last]} - {None}
        assert len(references) == 1
        assert Verdict.REJECTED not in {evidence.verdict for _, evidence in [*first, last]}
        hold_the_pass_line(house, instruction, last[1].verdict)


@pytest.mark.parametrize("name", IDEMPOTENT)
async def test_the_same_key_with_another_body_is_unknown_and_makes_nothing(name: str) -> None:
    """A conflict of idempotency keys is neither a refusal nor a second payment."""
    async with running(name) as house:
        instruction = await house.ready(house.instruction())
        await house.send(house.arms, instruction)
        other = replace(instruction, amount=replace(instruction.amount, value=4321))
        outcome, evidence = await house.send(house.arms, other)
        assert isinstance(outcome, Answered)
        assert evidence.verdict is Verdict.UNKNOWN
        hold_the_pass_line(house, instruction, Verdict.ACCEPTED)


@pytest.mark.parametrize("name", IDEMPOTENT)
async def test_bytes_sealed_by_an_older_mapping_are_resent_as_they_are(name: str) -> None:
    """A mapping that was upgraded between two sends does not change what is sent again."""
    async with running(name) as house:
        instruction = await house.ready(house.instruction())
        request = house.adapter.build(house.arms, instruction)
        older = replace(request, body=request.body + b"\n").to_bytes()
        house.plan(Fault.TIMEOUT_AFTER)
        await house.resend(house.arms, older, instruction)
        _, evidence = await house.resend(house.arms, older, instruction)
        assert evidence.verdict is not Verdict.UNKNOWN
        hold_the_pass_line(house, instruction, evidence.verdict)


@pytest.mark.parametrize("name", ENQUIRING)
async def test_not_found_is_said_of_what_was_never_sent(name: str) -> None:
    """An enquiry about an unknown payment says "not found", by whatever the bank can be asked by.

    Where the bank's own id is unknown to it, it may also be trouble at the bank, which proves nothing.
    """
    async with running(name) as house:
        _, evidence = await house.send(OperationKind.ENQUIRE, replace(house.instruction(), bank_reference="unknown"))
        assert evidence.verdict in {Verdict.NOT_FOUND, Verdict.UNKNOWN}
        if EnquiryKey.END_TO_END_ID in house.declared.enquiry_keys:
            _, evidence = await house.send(OperationKind.ENQUIRE, house.instruction())
            assert evidence.verdict is Verdict.NOT_FOUND
        if EnquiryKey.CONSENT in house.declared.enquiry_keys:
            _, evidence = await house.send(OperationKind.ENQUIRE, await house.ready(house.instruction()))
            assert evidence.verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "too-late"])
@pytest.mark.parametrize("name", CANCELLING)
async def test_a_cancellation_is_believed_only_from_the_bank(name: str, late: bool) -> None:  # noqa: FBT001 - a case
    """A cancelled payment moves no money; one that was asked too late is refused or says how it stands."""
    async with running(name) as house:
        submitted, _ = await house.submitted(house.instruction())
        named = replace(submitted, idempotency_key="cancel-1")
        await asyncio.sleep(2 * (PACE.settle_seconds + PACE.complete_seconds) if late else 0)
        _, evidence = await house.send(OperationKind.CANCEL, named)
        assert evidence.verdict in ({Verdict.COMPLETED, Verdict.REJECTED} if late else {Verdict.CANCELLED})
        await asyncio.sleep(PACE.settle_seconds * 2)
        assert [each.moved_money for each in house.booked()] == [late]
