"""Consents: from calls to the accounts room and back."""

from uuid import UUID

from accounts.model import ConsentFilter, ConsentRequest, Requester, RequestKey
from adapters.contract import Payer
from gateway.handlers.accounts.asking import id_cursor
from gateway.http.call import Call, Reply
from gateway.schemas.accounts.consents import ConsentIn
from gateway.schemas.pages import page
from gateway.schemas.payments import is_loopback
from gateway.services import Services
from kernel.errors import FieldError, Invalid
from kernel.ids import Environment, Kind, to_text
from kernel.masked import Masked


async def ask_consent(services: Services, call: Call) -> Reply:
    """201 when the bank has answered, 202 when not yet; a repeat shows the consent as it is by then."""
    key = RequestKey(call.request.headers["Idempotency-Key"])
    asked = await services.accounts.ask_consent(_requester(call), _request(call, call.body), key)
    headers = {"Location": f"/v1/consents/{_text(call, asked.consent.id)}"}
    if asked.repeated:
        headers["Idempotent-Replayed"] = "true"
    return Reply(asked.consent.to_json(), asked.status_code, headers)


async def list_consents(services: Services, call: Call) -> Reply:
    """Newest first."""
    asked = call.query
    wanted = ConsentFilter(
        limit=asked.limit,
        after=id_cursor(call, Kind.CONSENT),
        merchant_id=call.maybe_id(asked.merchant_id, Kind.MERCHANT, "/merchant_id"),
        status=asked.status,
        bank_id=asked.bank_id,
    )
    found = await services.accounts.consents(call.caller.tenant, wanted)
    cursor = None if found.next_cursor is None else _text(call, found.next_cursor)
    return Reply(page([consent.to_json() for consent in found.data], cursor))


async def get_consent(services: Services, call: Call) -> Reply:
    """The consent as it is now."""
    consent = await services.accounts.consent(call.caller.tenant, call.path_id("consent_id", Kind.CONSENT))
    return Reply(consent.to_json())


async def end_consent(services: Services, call: Call) -> Reply:
    """Ending it again is no error."""
    await services.accounts.end_consent(_requester(call), call.path_id("consent_id", Kind.CONSENT))
    return Reply()


def _request(call: Call, body: ConsentIn) -> ConsentRequest:
    return ConsentRequest(
        merchant_id=call.sent_id(body.merchant_id, Kind.MERCHANT, "/merchant_id"),
        bank_id=body.bank_id,
        valid_until=body.valid_until,
        return_url=_return_url(call, body.return_url),
        payer=Payer() if body.payer is None else body.payer.to_payer(),
    )


def _return_url(call: Call, url: str) -> Masked:
    """Holders of real accounts are not sent where somebody else could read along, or to their own machine."""
    is_test = call.caller.tenant.environment is Environment.TEST
    if url.startswith("https://") or (is_test and is_loopback(url)):
        return Masked(url)
    message = "Expected an https URL; in the test environment also http on a loopback address."
    raise Invalid([FieldError(pointer="/return_url", code="format", message=message)])


def _requester(call: Call) -> Requester:
    return Requester(tenant=call.caller.tenant, client_id=call.caller.client_id, request_id=call.request_id)


def _text(call: Call, consent_id: UUID) -> str:
    return to_text(Kind.CONSENT, consent_id, call.caller.tenant.environment)
