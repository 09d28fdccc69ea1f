"""What crosses the wire to a bank and back, as values: the exact bytes, and nothing of sockets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import orjson

_VERSION = 2
_READABLE = frozenset({1, 2})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2
_PATH = re.compile(r"/[!-\"$-~]*")
_FIELD_VALUE = re.compile(r"[ -~]*")


class Host(StrEnum):
    """Which of the bank's servers a path belongs to."""

    API = "api"  # The setting base_url.
    TOKEN = "token"  # noqa: S105 - The option token_url; the path is "/" and is not added to it.


class Credential(StrEnum):
    """What the engine proves at the call, and as whom."""

    BANK = "bank"  # Us, by the declared auth profile.
    PAYER = "payer"  # The access that the payer's authorisation brought.
    CLIENT = "client"  # Us, by a client assertion that is added to the form (RFC 7521 §4.2).


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """One request to a bank, complete but for what the engine makes anew at each send.

    `path` begins with a slash, holds the query and is relative to `host`. `headers` never hold a credential: the
    engine adds it, and asks for `scope` where it has to fetch a token first. The declared signature is made at every
    send, over the bytes that leave, where the request is `signed`; the answer to a signed request, or to one with
    `signed_answer`, proves nothing without the bank's signature. `fresh` names the headers that the engine makes
    anew at every send, also of sealed bytes (see FRESH_HEADERS in adapters/declaration); everything else is resent
    byte for byte.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    fresh: tuple[str, ...] = ()
    host: Host = Host.API
    credential: Credential = Credential.BANK
    scope: str = ""
    signed: bool = False
    signed_answer: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot stand in an HTTP head: nothing may fail after the connection is made."""
        words = (self.method, *(name for name, _ in self.headers), *self.fresh)
        if not all(_TOKEN.fullmatch(word) for word in words) or not _PATH.fullmatch(self.path):
            raise ValueError("a method, path or header name cannot stand in a request's head")
        if not all(_FIELD_VALUE.fullmatch(value) for _, value in self.headers):
            raise ValueError("a header's value cannot stand in a request's head")

    def to_bytes(self) -> bytes:
        """The request as bytes to seal: one JSON line, then the body as it is. Equal requests give equal bytes."""
        head = {
            "version": _VERSION,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "fresh": self.fresh,
            "host": self.host,
            "credential": self.credential,
            "scope": self.scope,
            "signed": self.signed,
            "signed_answer": self.signed_answer,
        }
        return orjson.dumps(head) + b"\n" + self.body

    @classmethod
    def from_bytes(cls, sealed: bytes) -> Self:
        """The request that `to_bytes` wrote, by this version of the code or an earlier one.

        Raises ValueError for anything else.
        """
        line, newline, body = sealed.partition(b"\n")
        head = orjson.loads(line)
        if not newline or not isinstance(head, dict) or head.get("version") not in _READABLE:
            raise ValueError("these bytes are not a wire request")
        return cls(
            method=head["method"],
            path=head["path"],
            headers=tuple((name, value) for name, value in head["headers"]),
            body=body,
            fresh=tuple(head["fresh"]),
            host=Host(head.get("host", Host.API)),
            credential=Credential(head.get("credential", Credential.BANK)),
            scope=head.get("scope", ""),
            signed=head.get("signed", False),
            signed_answer=head.get("signed_answer", False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WireReply:
    """One completely read HTTP answer. Header names are in lower case; of a repeated header the last one counts.

    `request` is what it answers, with the headers that were made anew for this send and without credentials and
    signature; None where nobody knows it, as in a recorded answer.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    request: WireRequest | None = field(default=None, repr=False)

    def names_another(self, header: str) -> bool:
        """Whether the answer gives the id in this header of the request back differently; case does not matter.

        Banks play the id back by which they were called (X-Request-ID, x-fapi-interaction-id): with another one it is
        the answer to another request. An id that does not come back says nothing.
        """
        sent = {name.lower(): value for name, value in self.request.headers} if self.request is not None else {}
        told = self.headers.get(header, "").strip()
        return bool(told) and header in sent and told.lower() != sent[header].lower()
