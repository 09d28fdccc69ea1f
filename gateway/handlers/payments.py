"""Payments: from calls to the payments room and back. No rule about money lives here."""

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from adapters.declaration import OperationKind, Rail
from gateway.handlers.prefer import Wait, wait_of
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.schemas.payments import PaymentIn, is_loopback
from gateway.services import Services
from kernel import deadline
from kernel.errors import FieldError, Invalid, NotFound, Unavailable
from kernel.ids import Environment, Kind, from_text, to_text
from kernel.money import Money
from payments.intents.rehearsal import Rehearsal
from payments.model import Created, PaymentRequest, Requester, RequestKey
from payments.reading.reader import Filter
from payments.routing.rule import Rule
from payments.states.names import PaymentStatus
from payments.view import PaymentView, rfc3339

# What is left for the answer itself when the wait for a bank ends.
_ANSWER_SECONDS = 0.25


async def create_payment(services: Services, call: Call) -> Reply:
    """201 when the bank's word came within the wait, 202 when not.

    A repeat shows the payment as it is by then, with the status of the first answer; while there is none yet, as when
    two equal requests come at once, and when it was 202, with 202.
    """
    wait = _wait(services, call)
    request = _request(call, call.body)
    if call.query.dry_run:
        return Reply(_rehearsal(await services.payments.rehearse(_requester(call), request)), 200)
    key = RequestKey(call.request.headers["Idempotency-Key"])
    if call.admission.repeats_only:
        created = await _repeat_only(services, call, request, key)
    else:
        created = await services.payments.create(_requester(call), request, key, wait.seconds)
    return Reply(created.payment.to_json(), created.status_code, _headers(created, wait.applied))


async def list_payments(services: Services, call: Call) -> Reply:
    """Newest first."""
    found = await services.payments.list(_requester(call), _filter(call))
    cursor = None if found.next_cursor is None else _text(call, found.next_cursor)
    return Reply(page([payment.to_json() for payment in found.data], cursor))


async def get_payment(services: Services, call: Call) -> Reply:
    """The payment as it is now."""
    return Reply((await services.payments.get(_requester(call), _payment_id(call))).to_json())


async def cancel_payment(services: Services, call: Call) -> Reply:
    """Its status says whether it is cancelled or the bank's answer is still awaited."""
    wait = _wait(services, call)
    payment = await services.payments.cancel(_requester(call), _payment_id(call), wait.seconds)
    status = 200 if payment.status is PaymentStatus.CANCELLED else 202
    return Reply(payment.to_json(), status, _applied(wait.applied))


async def read_timeline(services: Services, call: Call) -> Reply:
    """First to last."""
    entries = await services.payments.timeline(_requester(call), _payment_id(call))
    return Reply({"data": [{**entry, "at": rfc3339(entry["at"])} for entry in entries]})


def _wait(services: Services, call: Call) -> Wait:
    """What the caller asks for, within the time that it has left for an answer at all."""
    wait = wait_of(call.request.headers.getall("Prefer", []), services.wait)
    return replace(wait, seconds=min(wait.seconds, max(deadline.seconds_left() - _ANSWER_SECONDS, 0)))


async def _repeat_only(services: Services, call: Call, request: PaymentRequest, key: RequestKey) -> Created:
    """Limits cannot be kept at the moment, so nothing new is begun; what is known is answered."""
    created = await services.payments.find_repeat(_requester(call), request, key)
    if created is None:
        raise Unavailable("New payments are not accepted at the moment.", code="payments_closed", retry_after_seconds=2)
    return created


def _request(call: Call, body: PaymentIn) -> PaymentRequest:
    merchant_id = call.sent_id(body.merchant_id, Kind.MERCHANT, "/merchant_id")
    return PaymentRequest(
        merchant_id=merchant_id,
        bank_id=body.bank_id,
        routing=_rule(body),
        amount=Money(body.amount.currency, body.amount.value),
        creditor=body.creditor.to_creditor(),
        reference=body.reference,
        end_to_end_id=body.end_to_end_id,
        execute_at=body.execute_at,
        debtor=None if body.debtor is None else body.debtor.account.to_account(),
        payer=None if body.payer is None else body.payer.to_payer(),
        return_url=_return_url(call, body),
        metadata=body.metadata,
    )


def _rule(body: PaymentIn) -> Rule | None:
    """How to choose; a named bank is not chosen."""
    wanted = body.routing
    if wanted is None:
        return None
    if body.bank_id is not None:
        message = "Send a bank_id, or a routing by which the bank is chosen."
        raise Invalid([FieldError(pointer="/routing", code="not_allowed", message=message)])
    return Rule(
        banks=tuple(dict.fromkeys(wanted.banks)),
        rail=None if wanted.rail is None else Rail(wanted.rail),
        needs=frozenset(OperationKind(each) for each in wanted.needs),
        same_day=wanted.same_day,
    )


def _return_url(call: Call, body: PaymentIn) -> str | None:
    """Payers of real money are not sent where somebody else could read along, or to their own machine."""
    url = body.return_url
    is_test = call.caller.tenant.environment is Environment.TEST
    if url is None or url.startswith("https://") or (is_test and is_loopback(url)):
        return url
    message = "Expected an https URL; in the test environment also http on a loopback address."
    raise Invalid([FieldError(pointer="/return_url", code="format", message=message)])


def _rehearsal(rehearsal: Rehearsal) -> dict[str, Any]:
    return {
        "object": "payment_dry_run",
        "bank_id": rehearsal.bank_id,
        "status": rehearsal.status.value,
        "routing": None if rehearsal.routing is None else dict(rehearsal.routing),
        "requests": [{**asdict(request), "headers": dict(request.headers)} for request in rehearsal.requests],
    }


def _headers(created: Created, preference: str | None) -> dict[str, str]:
    payment: PaymentView = created.payment
    headers = {"Location": f"/v1/payments/{to_text(Kind.PAYMENT, payment.id, payment.environment)}"}
    if created.repeated:
        headers["Idempotent-Replayed"] = "true"
    return {**headers, **_applied(preference)}


def _applied(preference: str | None) -> dict[str, str]:
    return {} if preference is None else {"Preference-Applied": preference}


def _filter(call: Call) -> Filter:
    asked = call.query
    return Filter(
        limit=asked.limit,
        after=_cursor(call),
        merchant_id=call.maybe_id(asked.merchant_id, Kind.MERCHANT, "/merchant_id"),
        status=None if asked.status is None else PaymentStatus(asked.status),
        needs_operator=asked.needs_operator,
        created_from=asked.created_from,
    )


def _cursor(call: Call) -> UUID | None:
    if call.query.cursor is None:
        return None
    try:
        return from_text(Kind.PAYMENT, call.query.cursor, call.caller.tenant.environment)
    except NotFound:
        message = "Send the next_cursor of the page before, as it is."
        raise Invalid([FieldError(pointer="/cursor", code="cursor_invalid", message=message)]) from None


def _text(call: Call, payment_id: UUID) -> str:
    return to_text(Kind.PAYMENT, payment_id, call.caller.tenant.environment)


def _payment_id(call: Call) -> UUID:
    return call.path_id("payment_id", Kind.PAYMENT)


def _requester(call: Call) -> Requester:
    return Requester(tenant=call.caller.tenant, client_id=call.caller.client_id)
