"""What the log tells of the OAuth endpoints' refusals: who asked, from where, and why not; never what was shown.

How many lines there can be is bounded by the limits of the endpoints, which are by address.
"""

import structlog

from gateway.oauth.authentication.assertions import issuer_of
from gateway.oauth.authentication.request import ClientRefused, ClientRequest, claimed_client_id
from gateway.oauth.clients.records import parsed_id
from gateway.oauth.tokens.answers import TokenAnswer

_log = structlog.get_logger()


def log_refusal(endpoint: str, request_id: str, request: ClientRequest, answer: TokenAnswer) -> None:
    """One line for an answer that is an error of RFC 6749 §5.2, and none for another."""
    if answer.body is None or "error" not in answer.body:
        return
    _log.info(
        "oauth.refused",
        endpoint=endpoint,
        request_id=request_id,
        client=_client_id(request),
        address=request.address,
        error=answer.body["error"],
        reason=answer.reason,
    )


def _client_id(request: ClientRequest) -> str | None:
    """The id that was sent, if it has the form of one: anything else may be a secret in the wrong place."""
    claimed = claimed_client_id(request) or _issuer(request.form.get("client_assertion", ""))
    return claimed if claimed is not None and parsed_id(claimed) is not None else None


def _issuer(assertion: str) -> str | None:
    try:
        return issuer_of(assertion)
    except ClientRefused:
        return None
