"""From a prepared request to the call that leaves: where it goes, what is made anew, and its signature. No I/O."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import urlsplit
from uuid import uuid4

from adapters.contract import Bank
from adapters.declaration import Declaration
from adapters.engine.transport import Call, Why
from adapters.signing import Signable, profiles
from adapters.wire import Host, WireReply, WireRequest

# The ids by which a bank is called; the standards have it play them back in the answer.
_UUIDS = frozenset({"x-request-id", "x-fapi-interaction-id"})


def call_of(bank: Bank, request: WireRequest, declaration: Declaration, reply_bytes_max: int, now: datetime) -> Call:
    """The call without credential and signature. Raises ValueError or LookupError for unusable settings."""
    return Call(
        method=request.method,
        url=_url(bank, request),
        headers=dict(request.headers) | {name: _fresh(name, now) for name in request.fresh},
        body=request.body,
        deadlines=declaration.deadlines,
        reply_bytes_max=reply_bytes_max,
    )


def signed(call: Call, bank: Bank, profile: str, now: datetime) -> Call:
    """The call with the headers that sign it. Raises ValueError or LookupError for settings that cannot sign."""
    url = urlsplit(call.url)
    signable = Signable(
        method=call.method,
        path=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        headers={name.lower(): value for name, value in call.headers.items()},
        body=call.body,
    )
    return replace(call, headers=_merged(call.headers, profiles()[profile].headers(signable, bank.settings, now)))


def as_sent(request: WireRequest, call: Call) -> WireRequest:
    """The request with the headers that were made anew for this call."""
    made = {name: call.headers[name] for name in request.fresh}
    return replace(request, headers=(*request.headers, *made.items()), fresh=())


def why_doubted(reply: WireReply, bank: Bank, profile: str, now: datetime) -> Why | None:
    """Why an answer is as good as none: it is another request's, or lacks the bank's signature.

    The option `answer_ids` "ignored" is for banks that put ids of their own where they should play back ours.
    """
    if bank.settings.options.get("answer_ids") != "ignored" and any(map(reply.names_another, _UUIDS)):
        return Why.FOREIGN_ANSWER
    request = reply.request
    wanted = request is not None and (request.signed or request.signed_answer)
    return Why.UNSIGNED_ANSWER if wanted and not _believed(reply, bank, profile, now) else None


def _believed(reply: WireReply, bank: Bank, profile: str, now: datetime) -> bool:
    """Whether the bank signed this answer; settings that cannot tell believe nothing."""
    try:
        return profiles()[profile].believes(reply, bank.settings, now)
    except (ValueError, LookupError):
        return False


def _merged(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    replaced = {name.lower() for name in more}
    return {name: value for name, value in headers.items() if name.lower() not in replaced} | dict(more)


def _url(bank: Bank, request: WireRequest) -> str:
    if request.host is Host.TOKEN:
        return bank.settings.options["token_url"]
    return bank.settings.base_url.rstrip("/") + request.path


def _fresh(name: str, now: datetime) -> str:
    """A header made anew at every send. Raises ValueError for one that the engine cannot make."""
    if name in _UUIDS:
        return str(uuid4())
    if name == "date":
        return format_datetime(now, usegmt=True)
    raise ValueError("this header cannot be made anew")
