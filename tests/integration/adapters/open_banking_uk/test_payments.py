"""Payments at the simulated Open Banking UK bank, in both versions; the official files judge every exchange."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.contract import BankSettings, Instruction, Payer, Verdict
from adapters.declaration import OperationKind
from adapters.wire import WireRequest
from kernel.masked import Masked
from tests.support.open_banking_uk import VERSIONS
from tests.support.open_banking_uk_client import UK, Client, client

CONSENT, SUBMIT, ENQUIRE, AUTHORISE = (
    OperationKind.CONSENT,
    OperationKind.SUBMIT,
    OperationKind.ENQUIRE,
    OperationKind.AUTHORISE,
)
OPTIONS = {"payment_context": "TransferToThirdParty", "contract_present": "yes", "merchant_category_code": "5942"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unencoded", [False, True])
async def test_a_payment_goes_all_the_way(version: str, unencoded: bool) -> None:  # noqa: FBT001 - a case
    """Consent, approval, code, payment, and its life to the end; nothing on the wire is but what the files say."""
    async with client(version, unencoded=unencoded) as bank:
        if unencoded:
            bank.simulator.settings = with_options(bank, signature_payload="unencoded")
        bank.simulator.settings = with_options(bank, **OPTIONS)
        payer = Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Browser/1.0"))
        told = await bank.consented(payer=payer)
        _, made = await bank.perform(SUBMIT, told)
        await asyncio.sleep(0.2)
        _, ended = await bank.perform(ENQUIRE, replace(told, bank_reference=made.bank_reference))
        told = replace(told, settings=with_options(bank, enquiry="payment_details"))
        _, detailed = await bank.perform(ENQUIRE, replace(told, bank_reference=made.bank_reference))
    assert [made.verdict, ended.verdict, detailed.verdict] == [Verdict.ACCEPTED, Verdict.COMPLETED, Verdict.COMPLETED]
    assert (made.amount, made.reference) == (told.amount, told.end_to_end_id)
    assert made.refund_account is not None
    assert bank.problems == []
    assert bank.seen == 4


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_same_key_and_bytes_give_the_payment_as_it_is_now(version: str) -> None:
    """A repeat answers 201 with the present status, and makes no second payment."""
    async with client(version) as bank:
        told = await bank.consented()
        _, first = await bank.perform(SUBMIT, told)
        await asyncio.sleep(0.2)
        reply, again = await bank.perform(SUBMIT, told)
        assert reply.status == 201
        assert (again.bank_reference, again.verdict) == (first.bank_reference, Verdict.COMPLETED)
        assert len(bank.simulator.booked()) == 1
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_consent_tells_whether_it_was_used(version: str) -> None:
    """Before the payment it says that there is none; after it, that there is one."""
    async with client(version) as bank:
        told = await bank.consented()
        _, before = await bank.perform(ENQUIRE, told)
        await bank.perform(SUBMIT, told)
        _, after = await bank.perform(ENQUIRE, told)
        assert [before.verdict, after.verdict] == [Verdict.NOT_FOUND, Verdict.PENDING]
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_funds_are_confirmed_with_the_payers_access(version: str) -> None:
    """The bank's own interface is whole: an authorised consent may be asked for funds, with the payer's token only."""
    async with client(version) as bank:
        told = await bank.consented()
        enquiry = bank_path(told.settings.options["version"], f"domestic-payment-consents/{told.consent_id}")
        path = f"{enquiry}/funds-confirmation"
        asked, access = _get(told), {"Authorization": f"Bearer {bank.payer_token}"}
        allowed = await bank.send(asked, path=path, headers=access)
        refused = await bank.send(asked, path=path)
        assert (allowed.status, refused.status) == (200, 403)
        assert bank.problems == []


@pytest.mark.sends_what_is_wrong
@pytest.mark.parametrize("version", VERSIONS)
async def test_every_refusal_is_as_the_file_says_and_pays_nothing(version: str) -> None:
    """The bank refuses as real ones do, in the version's words; no refusal leaves a payment behind."""
    async with client(version) as bank:
        told = await bank.consented()
        key, signature = "x-idempotency-key", "x-jws-signature"
        cases = {
            "no key": (SUBMIT, {key: None}, 400),
            "key of 41 characters": (SUBMIT, {key: "k" * 41}, 400),
            "key on a GET": (ENQUIRE, {key: "k"}, 400),
            "no signature": (SUBMIT, {signature: None}, 400),
            "malformed signature": (SUBMIT, {signature: "a.b.c"}, 400),
            "signature on a GET": (ENQUIRE, {signature: "a..c"}, 400),
            "no token": (SUBMIT, {"Authorization": None}, 401),
            "our token instead of the payer's": (SUBMIT, {"Authorization": f"Bearer {bank.tokens['payments']}"}, 403),
            "the payer's token instead of ours": (ENQUIRE, {"Authorization": f"Bearer {bank.payer_token}"}, 403),
            "interaction id that is none": (ENQUIRE, {"x-fapi-interaction-id": "1"}, 400),
            "not JSON": (SUBMIT, {"Content-Type": "text/plain"}, 415),
            "wants XML": (ENQUIRE, {"Accept": "text/xml"}, 406),
        }
        got = {name: (await bank.perform(kind, told, headers=h))[0].status for name, (kind, h, _) in cases.items()}
        assert got == {name: status for name, (_, _, status) in cases.items()}
        assert bank.simulator.booked() == ()
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_payment_that_differs_from_its_consent_is_refused_for_good(version: str) -> None:
    """Another amount, payee or risk than the payer agreed to is no payment, and that is believed."""
    async with client(version) as bank:
        told = await bank.consented()
        other = replace(told, amount=replace(told.amount, value=told.amount.value + 1))
        reply, evidence = await bank.perform(SUBMIT, other)
        assert (reply.status, evidence.verdict) == (400, Verdict.REJECTED)
        risky = replace(told, settings=with_options(bank, contract_present="no"), idempotency_key="another-key-2")
        assert (await bank.perform(SUBMIT, risky))[1].verdict is Verdict.REJECTED
        assert bank.simulator.booked() == ()
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_consent_is_used_once(version: str) -> None:
    """A second payment under it is refused, and the refusal is not mistaken for one of the first payment."""
    async with client(version) as bank:
        told = await bank.consented()
        await bank.perform(SUBMIT, told)
        reply, evidence = await bank.perform(SUBMIT, replace(told, idempotency_key="a-second-key"))
        assert (reply.status, evidence.verdict) == (400, Verdict.UNKNOWN)
        assert len(bank.simulator.booked()) == 1
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_with_another_body_proves_nothing(version: str) -> None:
    """The bank refuses it; for us it is unknown, because the first body may have been a payment."""
    async with client(version) as bank:
        told = await bank.consented()
        await bank.perform(SUBMIT, told)
        other = replace(told, reference=Masked("Another"))
        reply, evidence = await bank.perform(SUBMIT, other)
        assert (reply.status, evidence.verdict) == (400, Verdict.UNKNOWN)
        assert bank.problems == []


async def test_versions_are_not_mixed() -> None:
    """A consent made in one version does not exist in the other."""
    async with client("3.1.11") as bank:
        told = await bank.consented()
        newer = replace(told, settings=with_options(bank, version="4.0"))
        for kind in (SUBMIT, ENQUIRE):
            reply, evidence = await bank.perform(kind, newer)
            assert (reply.status, evidence.raw_code, evidence.verdict) == (400, "U011", Verdict.UNKNOWN)
        assert bank.simulator.booked() == ()
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unknown_id_is_400_and_an_unknown_path_404(version: str) -> None:
    """The standard's trap: "not found" is a bad request, and 404 means that the bank has not built it."""
    async with client(version, judged=False) as bank:
        reply, evidence = await bank.perform(ENQUIRE, bank.instruction(bank_reference="nobody-has-it"))
        assert (reply.status, evidence.verdict) == (400, Verdict.UNKNOWN)
        asked = bank.instruction(bank_reference="x")
        missing = await bank.send(_get(asked), path=bank_path(version, "file-payments/1"))
        assert missing.status == 404


async def test_a_tampered_body_is_not_what_was_signed() -> None:
    """The bank believes no byte that is not under the signature; and we believe no answer whose byte was changed."""
    async with client() as bank:
        told = await bank.consented()
        request = UK.build(SUBMIT, told)
        reply, evidence = await bank.perform(SUBMIT, told, body=request.body.replace(b"12.34", b"12.35"))
        assert (reply.status, evidence.raw_code, evidence.verdict) == (400, "U015", Verdict.UNKNOWN)
        assert bank.simulator.booked() == ()


def with_options(bank: Client, **options: str) -> BankSettings:
    """The bank's settings with other options."""
    known = bank.simulator.settings
    return replace(known, options={**known.options, **options})


def bank_path(version: str, rest: str) -> str:
    return f"/open-banking/{'v4.0' if version == '4.0' else 'v3.1'}/pisp/{rest}"


def _get(told: Instruction) -> WireRequest:
    return UK.build(ENQUIRE, told)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_payment_for_later_is_kept_by_the_bank(version: str) -> None:
    """The payer approves now, the bank has it at once and executes it at its time; it is asked about as what it is."""
    async with client(version) as bank:
        later = datetime.now(UTC) + timedelta(seconds=2)
        told = await bank.consented(execute_at=later.replace(microsecond=0))
        _, made = await bank.perform(SUBMIT, told)
        told = replace(told, bank_reference=made.bank_reference)
        _, before = await bank.perform(ENQUIRE, told)
        assert [made.verdict, before.verdict] == [Verdict.PENDING, Verdict.PENDING]
        assert not bank.simulator.booked()[0].moved_money
        await asyncio.sleep(2.2)
        _, after = await bank.perform(ENQUIRE, told)
        assert after.verdict is (Verdict.SETTLED if version == "4.0" else Verdict.ACCEPTED)
        assert bank.simulator.booked()[0].moved_money
        assert bank.problems == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_time_that_is_over_refuses_the_consent(version: str) -> None:
    """The consent is refused for good, before any payer was sent anywhere."""
    async with client(version) as bank:
        told = bank.instruction(execute_at=datetime(2026, 1, 1, tzinfo=UTC))
        reply, evidence = await bank.perform(CONSENT, told)
        assert (reply.status, evidence.verdict) == (400, Verdict.REJECTED)
        assert bank.problems == []
