"""What the answers to our payment requests prove. Never raises: what is not understood is UNKNOWN."""

from typing import Any

from adapters.berlin_group.reading import as_list, error_code, links_of, money_of, url_of
from adapters.berlin_group.tables import ABSENT, ERRORS, REFUSALS, SCA_STATUSES, STATUSES
from adapters.contract import Authorisation, AuthorisationMethod, Evidence, Reason, Verdict
from adapters.declaration import OperationKind
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, code_of, id_of, read_object
from adapters.wire import WireReply
from kernel.masked import Secret

# What some banks put where the payment had no reference of ours.
_NO_REFERENCE = "NOTPROVIDED"
_REFERENCE_LENGTH_MAX = 35
_REFUSABLE = frozenset({OperationKind.CONSENT, OperationKind.AUTHORISE})


def read_answer(kind: OperationKind, reply: WireReply) -> Evidence:
    """The evidence in one answer."""
    try:
        if reply.status >= 300:
            return _failure(kind, reply)
        return _success(kind, reply)
    except Unreadable as wrong:
        wait_seconds = retry_after_seconds(reply.headers)
        return Evidence(verdict=Verdict.UNKNOWN, raw_code=wrong.raw_code, retry_after_seconds=wait_seconds)


def _success(kind: OperationKind, reply: WireReply) -> Evidence:
    match kind, reply.status:
        case OperationKind.CONSENT, 201:
            return _initiated(reply, read_object(reply.body))
        case OperationKind.AUTHORISE | OperationKind.AUTHORISE_CANCEL, 201:
            return _authorisation_started(reply, read_object(reply.body))
        case OperationKind.ENQUIRE, 200:
            return _payment(read_object(reply.body))
        case OperationKind.ENQUIRE_AUTHORISATION, 200:
            return _authorisations(reply, read_object(reply.body))
        case OperationKind.CANCEL, 204 if "x-request-id" in reply.headers and not reply.body:
            return Evidence(verdict=Verdict.CANCELLED, iso_code="CANC")
        case OperationKind.CANCEL, 202:
            return _cancellation_received(reply, read_object(reply.body))
        case _:
            raise Unreadable


def _initiated(reply: WireReply, body: dict[str, Any]) -> Evidence:
    payment_id = id_of(body.get("paymentId"))
    status, verdict = _status(body)
    authorisation = None
    if verdict not in {Verdict.REJECTED, Verdict.CANCELLED}:
        verdict, authorisation = _who_is_waited_for(reply, body, verdict)
    return Evidence(
        verdict=verdict,
        raw_code=status,
        iso_code=status,
        reason=_reason(body) if verdict is Verdict.REJECTED else None,
        bank_reference=payment_id,
        consent_id=payment_id,
        authorisation=authorisation,
    )


def _who_is_waited_for(
    reply: WireReply, body: dict[str, Any], verdict: Verdict
) -> tuple[Verdict, Authorisation | None]:
    """The links say what comes next, whatever the status says; without any, the status counts."""
    links = links_of(body)
    if "startAuthorisation" in links:
        return Verdict.NEEDS_AUTHORISATION, None
    authorisation = authorisation_of(reply, links)
    if authorisation is not None:
        return Verdict.NEEDS_AUTHORISATION, authorisation
    if verdict is Verdict.NEEDS_AUTHORISATION:
        raise Unreadable("sca_not_supported")
    return verdict, None


def _authorisation_started(reply: WireReply, body: dict[str, Any]) -> Evidence:
    id_of(body.get("authorisationId"))
    status = code_of(body.get("scaStatus"))
    if status not in SCA_STATUSES:
        raise Unreadable(status)
    verdict, authorisation = SCA_STATUSES[status], None
    if verdict is Verdict.NEEDS_AUTHORISATION:
        authorisation = authorisation_of(reply, links_of(body))
        if authorisation is None:
            raise Unreadable("sca_not_supported")
    return Evidence(verdict=verdict, raw_code=status, authorisation=authorisation)


def _authorisations(reply: WireReply, body: dict[str, Any]) -> Evidence:
    """Which authorisations were begun, or how one of them stands: whatever was asked for."""
    asked = reply.request
    is_list = "authorisationIds" in body if asked is None else asked.path.endswith("/authorisations")
    if not is_list:
        return _authorisation(reply, body)
    ids = tuple(id_of(each) for each in as_list(body.get("authorisationIds"), needed=True))
    return Evidence(verdict=Verdict.UNKNOWN, authorisation_ids=ids)


def _authorisation(reply: WireReply, body: dict[str, Any]) -> Evidence:
    """The payer's word, and the way to them where the bank tells it once more."""
    status = code_of(body.get("scaStatus"))
    if status not in SCA_STATUSES:
        raise Unreadable(status)
    verdict = SCA_STATUSES[status]
    waits = verdict is Verdict.NEEDS_AUTHORISATION
    return Evidence(
        verdict=verdict,
        raw_code=status,
        reason=Reason.AUTHORISATION_REFUSED if status == "failed" else None,
        authorisation=authorisation_of(reply, links_of(body)) if waits else None,
    )


def authorisation_of(reply: WireReply, links: dict[str, str]) -> Authorisation | None:
    """How the payer approves; None for the approaches that would have us handle the payer's credentials."""
    if "scaRedirect" in links:
        return Authorisation(method=AuthorisationMethod.REDIRECT, url=Secret(url_of(links["scaRedirect"])))
    if reply.headers.get("aspsp-sca-approach", "").upper() == "DECOUPLED":
        return Authorisation(method=AuthorisationMethod.DECOUPLED)
    return None


def _payment(body: dict[str, Any]) -> Evidence:
    status, verdict = _status(body)
    told = body.get("instructedAmount")
    return Evidence(
        verdict=verdict,
        raw_code=status,
        iso_code=status,
        reason=_reason(body) if verdict is Verdict.REJECTED else None,
        amount=None if told is None else money_of(told),
        reference=_reference(body.get("endToEndIdentification")),
    )


def _cancellation_received(reply: WireReply, body: dict[str, Any]) -> Evidence:
    """The payment as it stands: where the payer has to approve the cancellation, it is not cancelled.

    Without a link to them the bank may still be about to cancel it, and is asked again.
    """
    status, verdict = _status(body)
    links = links_of(body)
    if verdict is Verdict.CANCELLED:
        return Evidence(verdict=verdict, raw_code=status, iso_code=status)
    approval = Authorisation() if "startAuthorisation" in links else authorisation_of(reply, links)
    needs_payer = approval is not None or any(name.startswith("startAuthorisation") for name in links)
    if not needs_payer:
        return Evidence(verdict=Verdict.UNKNOWN, raw_code=status)
    return Evidence(verdict=verdict, raw_code=status, iso_code=status, authorisation=approval)


def _failure(kind: OperationKind, reply: WireReply) -> Evidence:
    code = error_code(reply, read_object(reply.body))
    if kind in _REFUSABLE and (reply.status, code) in REFUSALS:
        reason = REFUSALS[(reply.status, code or "")]
        return Evidence(verdict=Verdict.REJECTED, raw_code=code, iso_code="RJCT", reason=reason)
    if kind is OperationKind.CANCEL and (reply.status, code) == (405, "CANCELLATION_INVALID"):
        # The cancellation is refused, not the payment.
        return Evidence(verdict=Verdict.REJECTED, raw_code=code, reason=Reason.TOO_LATE)
    if kind is OperationKind.ENQUIRE and (reply.status, code) in ABSENT:
        return Evidence(verdict=Verdict.NOT_FOUND, raw_code=code)
    return Evidence(
        verdict=Verdict.UNKNOWN,
        raw_code=code,
        reason=ERRORS.get(code or ""),
        retry_after_seconds=retry_after_seconds(reply.headers),
    )


def _status(body: dict[str, Any]) -> tuple[str, Verdict]:
    code = code_of(body.get("transactionStatus"))
    if code not in STATUSES:
        raise Unreadable(code)
    return code, STATUSES[code]


def _reason(body: dict[str, Any]) -> Reason:
    """Why a payment was rejected, where the bank's messages beside the status say it."""
    messages = [each for each in as_list(body.get("tppMessages")) if isinstance(each, dict)]
    known = [ERRORS[code] for each in messages if (code := code_of(each.get("code"))) in ERRORS]
    return known[0] if known else Reason.UNSPECIFIED


def _reference(value: object) -> str | None:
    if value is None or value == _NO_REFERENCE:
        return None
    if not isinstance(value, str) or len(value) > _REFERENCE_LENGTH_MAX:
        raise Unreadable
    return value
