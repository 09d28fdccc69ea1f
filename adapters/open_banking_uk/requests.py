"""Requests with the headers that the standard wants: each only where it is allowed."""

from urllib.parse import urlencode

import orjson

from adapters.contract import Payer
from adapters.wire import Credential, Host, WireRequest

INTERACTION_ID = "x-fapi-interaction-id"
_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "threadneedle"))
_JSON = ("Content-Type", "application/json")
_FORM = ("Content-Type", "application/x-www-form-urlencoded")


def get(
    path: str, scope: str, *, signed_answer: bool = False, payer: Payer | None = None, as_payer: bool = False
) -> WireRequest:
    """A read, with our own access or with the payer's. It bears neither a signature nor an idempotency key."""
    return WireRequest(
        method="GET",
        path=path,
        headers=(*_HEADERS, *of_payer(payer)),
        fresh=(INTERACTION_ID,),
        credential=Credential.PAYER if as_payer else Credential.BANK,
        scope=scope,
        signed_answer=signed_answer,
    )


def delete(path: str, scope: str, payer: Payer | None) -> WireRequest:
    """Ends what stands there, with our own access."""
    headers = (*_HEADERS, *of_payer(payer))
    return WireRequest(method="DELETE", path=path, headers=headers, fresh=(INTERACTION_ID,), scope=scope)


def signed_post(path: str, body: object, idempotency_key: str, payer: Payer | None, *, as_payer: bool) -> WireRequest:
    """A payment's POST: signed, under its key, with the payer's access or with ours."""
    return WireRequest(
        method="POST",
        path=path,
        headers=(*_HEADERS, _JSON, ("x-idempotency-key", idempotency_key), *of_payer(payer)),
        body=orjson.dumps(body),
        fresh=(INTERACTION_ID,),
        credential=Credential.PAYER if as_payer else Credential.BANK,
        scope="payments",
        signed=True,
        signed_answer=True,
    )


def post(path: str, body: object, scope: str, payer: Payer | None) -> WireRequest:
    """A POST of account information: neither signed nor under a key, which the standard forbids there."""
    return WireRequest(
        method="POST",
        path=path,
        headers=(*_HEADERS, _JSON, *of_payer(payer)),
        body=orjson.dumps(body),
        fresh=(INTERACTION_ID,),
        scope=scope,
    )


def token(form: dict[str, str]) -> WireRequest:
    """A call of the token endpoint; the engine adds our client assertion to the form."""
    body = urlencode(form).encode()
    return WireRequest(
        method="POST", path="/", headers=(*_HEADERS, _FORM), body=body, host=Host.TOKEN, credential=Credential.CLIENT
    )


def of_payer(payer: Payer | None) -> tuple[tuple[str, str], ...]:
    """The headers whose presence says that the payer is at the partner's site now."""
    if payer is None:
        return ()
    told = (
        ("x-fapi-customer-ip-address", payer.ip_address),
        ("x-customer-user-agent", payer.user_agent),
    )
    return tuple((name, _printable(value.reveal())) for name, value in told if value is not None)


def _printable(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)
