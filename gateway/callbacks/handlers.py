"""Payers coming back. What they bring is committed before they are answered; nothing here is refused for overload."""

from collections.abc import Mapping

from accounts.calls.returning import Return
from gateway.callbacks import pages
from gateway.callbacks.counting import Outcome, outcome_of
from gateway.callbacks.reading import brought_of, form_of
from gateway.http.call import Call, Reply
from gateway.services import Services
from kernel.errors import NotFound
from payments.journeys.returning import Brought


async def receive_payer(services: Services, call: Call) -> Reply:
    """With a query. A HEAD is somebody who looks where the address leads, and takes nothing along."""
    if call.request.method == "HEAD":
        return Reply(b"", 200, {"Content-Type": "text/html; charset=utf-8"})
    return await _receive(services, call, call.request.query)


async def receive_payer_form(services: Services, call: Call) -> Reply:
    """With a form that the bank's page sent for them."""
    return await _receive(services, call, form_of(call.raw))


async def _receive(services: Services, call: Call, fields: Mapping[str, str]) -> Reply:
    bank_id, brought = call.path_text("bank_id"), brought_of({**call.request.query, **fields})
    try:
        is_foreign = not await services.payments.is_issuer(bank_id, fields.get("iss"))
        if is_foreign and brought is not None:
            reply, outcome = pages.foreign(), Outcome.FOREIGN
        else:
            reply, outcome = await _sent_on(services, bank_id, brought)
    except NotFound:
        return pages.unknown()
    services.payer_returns.labels(bank_id, outcome).inc()
    return reply


async def _sent_on(services: Services, bank_id: str, brought: Brought | None) -> tuple[Reply, Outcome]:
    """A state belongs to a payment, to a consent of an account's holder, or to nobody."""
    if brought is None:
        return pages.unknown(), Outcome.UNKNOWN_STATE
    arrival = await services.payments.returned(bank_id, brought)
    if arrival is not None:
        return pages.of_payment(arrival), outcome_of(arrival.reception, brought, repeated=arrival.repeated)
    holder = Return(state=brought.state, code=brought.code, refused=brought.refused, failed=brought.failed)
    returned = await services.accounts.returned(bank_id, holder)
    if returned is None:
        return pages.unknown(), Outcome.UNKNOWN_STATE
    return pages.of_consent(returned), outcome_of(returned.reception, brought)
