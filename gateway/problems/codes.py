"""Every code that a problem document may carry, with its status and when it comes. Codes are stable: add, never rename.

What may stand as `code` beside a single field (`errors[].code`) is not here; those name what is wrong with a value.
"""

from collections.abc import Mapping

CODES: Mapping[int, Mapping[str, str]] = {
    400: {
        "malformed_request": "The request line, a header or the framing of the body is not valid HTTP.",
        "malformed_json": "The body is no JSON object in UTF-8, nests too deep, holds NUL or names a member twice.",
    },
    401: {
        "unauthenticated": "There are no credentials, or none that are accepted.",
        "invalid_token": "The access token is not valid or has expired.",
        "invalid_dpop_proof": "The DPoP proof does not hold, was used before, or is missing (RFC 9449 §4.3).",
        "use_dpop_nonce": "The DPoP proof lacks a nonce of ours that is still good; `DPoP-Nonce` gives one.",
        "client_suspended": "The client or its partner is suspended; a new token does not help.",
    },
    403: {
        "insufficient_scope": "The access token lacks the route's scope.",
        "address_not_allowed": "The client is limited to other addresses than the one that it calls from.",
        "bad_signature": "The notification is not this bank's, or not for us; the detail says why.",
        "client_limited_to_merchants": "The client acts for some merchants only, and the request names none of theirs.",
        "second_person_required": "Another admin must confirm what one proposed.",
    },
    404: {
        "not_found": "There is no such resource in the caller's partner and environment.",
    },
    405: {
        "method_not_allowed": "The resource has no such method; `Allow` names those that it has.",
    },
    408: {
        "request_timeout": "The head or the body did not arrive in time.",
    },
    409: {
        "conflict": "Another request changed the resource meanwhile.",
        "already_confirmed": "The proposal was confirmed before.",
        "bank_refused": "The bank refuses to answer what was asked.",
        "bank_exists": "There is a bank of this id.",
        "client_changed": "The client was changed at the same time.",
        "client_has_no_secret": "The client proves itself without a secret, so none can be rotated.",
        "consent_not_authorised": "The consent is not authorised, or is over.",
        "daily_cap_reached": "The daily cap of the partner or the merchant is reached.",
        "delivery_under_way": "The delivery has not ended; it can be retried, not replayed.",
        "delivery_waiting": "An earlier delivery of the same ordering key has not ended.",
        "endpoint_disabled": "The endpoint is disabled.",
        "endpoint_not_receiving": "The endpoint is not enabled, so nothing can be sent to it.",
        "endpoint_paused": "The endpoint is paused.",
        "endpoint_unproven": "The endpoint's receiver has not answered the ownership challenge.",
        "endpoints_max": "The environment has as many endpoints as it may have.",
        "event_erased": "The event's body was erased.",
        "event_id_reused": "The event's id was used for another event.",
        "event_type_exists": "There is a type of this name.",
        "event_types_full": "The catalogue has as many types as it may have.",
        "bank_reference_mismatch": "The bank gave the payment another reference, or this one to another payment.",
        "evidence_outdated": "The payment has changed since the evidence was proposed.",
        "evidence_refused": "The payment's state does not allow this.",
        "evidence_too_early": "A call may still have reached the bank after the evidence was seen.",
        "merchant_endpoints_max": "The merchant has as many endpoints as it may have.",
        "no_example": "No example could be made of the type's schema.",
        "not_cancellable": "The payment has gone too far, its outcome is unknown, or its bank cannot cancel.",
        "older_secret_good": "A secret older than the present one is still good, and there are never more than two.",
        "outside_replay_window": "The event is older than what can be replayed.",
        "ownership_not_asked": "The endpoint asks for no proof of ownership.",
        "payments_open": "Payments of the merchant have not ended.",
        "proposal_replaced": "A newer proposal stands in place of this one.",
        "replay_ended": "The replay has ended.",
        "replay_too_large": "The filter is too wide to be counted.",
        "replays_max": "As many replays run as may run at once.",
        "rotation_running": "The keys of this partner are being rotated.",
        "rotation_under_way": "The next signing key is published already.",
        "rotation_unfinished": "The key before the current one still signs.",
        "tier_in_use": "Partners are of the tier.",
        "tier_of_settings": "The tier is as the settings say: there is nothing of admins' to take back.",
        "versions_full": "The type has as many versions as it may have.",
    },
    413: {
        "body_too_large": "The body is larger than the route takes.",
    },
    415: {
        "unsupported_media_type": "The body is of another media type, or has a content encoding.",
    },
    417: {
        "expectation_failed": "The header Expect asks for something else than 100-continue.",
    },
    422: {
        "validation_failed": "Fields, parameters or headers are not valid; `errors` names every one.",
        "idempotency_key_reused": "The Idempotency-Key came before with another body.",
    },
    429: {
        "bank_read_limit": "The bank's limit of reads is reached: without the account's holder, or as it says itself.",
        "rate_limited": "A rate limit is reached; `RateLimit` names it and `Retry-After` says for how long.",
    },
    431: {
        "head_too_large": "There are too many headers, or they are too long.",
    },
    500: {
        "internal_error": "Something went wrong on our side.",
    },
    503: {
        "temporarily_unavailable": "A part that the request needs is away for the moment.",
        "bank_unavailable": "The bank cannot be reached; nothing was changed there.",
        "challenges_busy": "As many challenges run as may run at once.",
        "deadline_passed": "The time for the request was up before it was begun; nothing was done.",
        "key_fetches_busy": "As many clients' keys are being fetched as may be at once.",
        "overloaded": "More comes than can be served; nothing was done.",
        "payments_closed": "New payments are not accepted at the moment; known Idempotency-Keys are answered.",
    },
}

STATUS_OF: Mapping[str, int] = {code: status for status, codes in CODES.items() for code in codes}


def meaning(code: str) -> str:
    """When the code comes."""
    return CODES[STATUS_OF[code]][code]
