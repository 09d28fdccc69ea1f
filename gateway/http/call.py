"""One request as handlers see it, and what they give back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from gateway.http.peer.address import Network, caller_address
from gateway.limits.gate import Admission
from gateway.oauth.access.passed import Passed
from gateway.oauth.scopes import Caller
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import NIL, Environment, Kind, Tenant, from_text

NOBODY = Caller(tenant=Tenant(NIL, Environment.LIVE), client_id=NIL, scopes=frozenset())
_NOT_PASSED = Passed(NOBODY)
_NOT_ADMITTED = Admission()


@dataclass(frozen=True, slots=True)
class Admin:
    """Who holds the admin API token of a request, and until when it is good."""

    id: UUID
    name: str
    expires_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """The request, filled in stage by stage (gateway/http/pipeline.py); handlers only read it.

    `proxies` are the networks of our own proxies in front.
    """

    request: web.Request
    request_id: str
    proxies: Sequence[Network] = ()
    caller: Caller = NOBODY
    passed: Passed = _NOT_PASSED
    admin: Admin | None = None
    admission: Admission = _NOT_ADMITTED
    raw: bytes = b""
    body: Any = None
    query: Any = None

    @property
    def address(self) -> str:
        """The caller's address. Reading it costs more than most that is done with a request, so ask once."""
        return caller_address(self.request.remote, self._forwarded(), self.proxies)

    def _forwarded(self) -> str:
        """Every line of the header, in order: a proxy may add a line of its own instead of an entry (RFC 9110 §5.3)."""
        return ",".join(self.request.headers.getall("X-Forwarded-For", ()))

    def path_text(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def path_id(self, name: str, kind: Kind, environment: Environment | None = None) -> UUID:
        """An id in the path, of the caller's environment. Raises NotFound for whatever names nothing there."""
        return from_text(kind, self.path_text(name), environment or self.caller.tenant.environment)

    def maybe_id(self, text: str | None, kind: Kind, pointer: str) -> UUID | None:
        """As `sent_id`, for a field that may be left out; a client that is limited to merchants must name one."""
        if text is None and kind is Kind.MERCHANT and self.caller.merchants:
            message = "This client acts for some merchants only: name one of them."
            raise Invalid([FieldError(pointer=pointer, code="required", message=message)])
        return None if text is None else self.sent_id(text, kind, pointer)

    def sent_id(self, text: str, kind: Kind, pointer: str) -> UUID:
        """An id in the body or the query.

        Raises Invalid for whatever names nothing in the caller's environment, and no merchant that it may act for.
        """
        try:
            identifier = from_text(kind, text, self.caller.tenant.environment)
            self._check_reach(kind, identifier)
        except NotFound:
            raise self.unknown(kind, pointer) from None
        return identifier

    @staticmethod
    def unknown(kind: Kind, pointer: str) -> Invalid:
        """The refusal of an id in the body or the query that names nothing which the caller reaches."""
        message = f"Expected an id of this environment that begins with {kind}_."
        return Invalid([FieldError(pointer=pointer, code="unknown_id", message=message)])

    def _check_reach(self, kind: Kind, identifier: UUID) -> None:
        """Merchants out of reach are not told from those that do not exist."""
        if kind is Kind.MERCHANT and self.caller.merchants and identifier not in self.caller.merchants:
            raise NotFound


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a model or plain data, a status other than the route's own, further headers."""

    data: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
