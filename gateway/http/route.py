"""A row of the route table, and what each of its columns means."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from gateway.http.call import Call, Reply
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope

KIB = 1024
Services = TypeVar("Services")
Handler = Callable[[Any, Call], Awaitable[Reply]]


class Access(StrEnum):
    """Who may call a route."""

    PARTNER = "partner"  # An OAuth access token with the route's scope.
    ADMIN = "admin"  # An admin API token.
    OPEN = "open"  # Anybody: the token endpoint, documents, health, banks' notifications.


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Services]):
    """One way into the service. `sentence` is its summary in the OpenAPI document.

    `request`, `query` and `response` are pydantic types; `weigh` gives the cost of a body where it is not 1 (its limit
    is then asked after the body was read). `once` marks routes that move money: an Idempotency-Key is required and a
    body that names one member twice is refused. `form` and `raw` bodies are read by the handler. `others` are further
    good answers by their status.
    """

    method: str
    path: str
    handler: Callable[[Services, Call], Awaitable[Reply]]
    sentence: str
    access: Access = Access.PARTNER
    scope: Scope | None = None
    limit: LimitClass = LimitClass.READS
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    status: int = 200
    others: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    body_bytes_max: int = 64 * KIB
    weigh: Callable[[Any], int] | None = None
    once: bool = False
    raw: bool = False
    tag: str = ""


def open_read(path: str, handler: Handler, sentence: str, response: type[BaseModel] | None) -> Route[Any]:
    """A row for what anybody may read, without limits."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        sentence=sentence,
        access=Access.OPEN,
        limit=LimitClass.UNLIMITED,
        response=response,
        tag="about",
    )
