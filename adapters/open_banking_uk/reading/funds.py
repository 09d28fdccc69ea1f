"""What the answer to a confirmation of funds says."""

from adapters.contract import Evidence, Reason, Verdict
from adapters.open_banking_uk.reading.payments import error_codes
from adapters.open_banking_uk.reading.strict import data_of
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, as_object, time_of
from adapters.wire import WireReply

_OK = 200


def funds_confirmed(reply: WireReply) -> Evidence:
    """Accepted where the payer has the amount, rejected where the bank says that they have not; never raises.

    An error, and an answer without the result, which the standard allows, say nothing: the payment itself will tell.
    """
    try:
        return _told(reply)
    except Unreadable:
        codes = error_codes(reply)
        return Evidence(
            verdict=Verdict.UNKNOWN,
            raw_code=codes[0] if codes else None,
            retry_after_seconds=retry_after_seconds(reply.headers),
        )


def _told(reply: WireReply) -> Evidence:
    if reply.status != _OK:
        raise Unreadable
    result = as_object(data_of(reply.body).get("FundsAvailableResult"))
    available, at = result.get("FundsAvailable"), time_of(result.get("FundsAvailableDateTime"))
    if available is True:
        return Evidence(verdict=Verdict.ACCEPTED, raw_code="FundsAvailable:true", at=at)
    if available is False:
        reason = Reason.INSUFFICIENT_FUNDS
        return Evidence(verdict=Verdict.REJECTED, raw_code="FundsAvailable:false", reason=reason, at=at)
    raise Unreadable
