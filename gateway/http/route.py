"""A row of the route table, what each of its columns means, and families of rows that have columns in common."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypedDict, TypeVar, Unpack

from pydantic import BaseModel

from gateway.http.call import Call, Reply
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope

KIB = 1024
Services = TypeVar("Services")
Handler: TypeAlias = Callable[[Services, Call], Awaitable[Reply]]


class Access(StrEnum):
    """Who may call a route."""

    PARTNER = "partner"  # An OAuth access token with the route's scope.
    ADMIN = "admin"  # An admin API token.
    OPEN = "open"  # Anybody: the token endpoint, documents, health, banks' notifications.


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Services]):
    """One way into the service. `sentence` is its summary in the OpenAPI document.

    `request`, `query` and `response` are pydantic types; `cost` is what a call takes from its limits, `weigh` gives the
    cost by the body instead (the limits are then asked after it was read).
    `once` marks routes that move money or ask a person: an Idempotency-Key is required (not for
    a `dry_run`), and a body that names one member twice is refused. `raw` bodies are read by the handler. `others` are
    further good answers by their status, `pages` the statuses that come with a page for people. `gives` names the
    headers of a good answer; `refuses` the codes of problems that its handler knows beyond those that the other columns
    imply (gateway.problems.codes). `for_limited` opens a route to clients that are limited to merchants, or closes it;
    None leaves it to what the route names (gateway/reach.py). `acting` routes let an admin act in the environment of
    the partner that the path names (gateway/admin/for_partners). At a route with `payer` the headers X-Payer-… say
    that an account's holder is present.
    """

    method: str
    path: str
    handler: Handler[Services]
    sentence: str
    access: Access = Access.PARTNER
    scope: Scope | None = None
    limit: LimitClass = LimitClass.READS
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    status: int = 200
    others: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    body_bytes_max: int = 64 * KIB
    cost: int = 1
    weigh: Callable[[Any], int] | None = None
    once: bool = False
    raw: bool = False
    gives: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    for_limited: bool | None = None
    acting: bool = False
    payer: bool = False
    tag: str = ""


class Columns(TypedDict, total=False):
    """What a row of a family may say beside its path, its handler and its sentence; as in Route."""

    scope: Scope | None
    limit: LimitClass
    request: type[BaseModel]
    query: type[BaseModel]
    response: type[BaseModel] | None
    status: int
    others: Mapping[int, type[BaseModel]]
    pages: tuple[int, ...]
    body_bytes_max: int
    cost: int
    weigh: Callable[[Any], int]
    once: bool
    raw: bool
    gives: tuple[str, ...]
    refuses: tuple[str, ...]
    for_limited: bool
    payer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Family(Generic[Services]):
    """Rows of one tag: who may call them, and the scope and limit of those that read and of those that change things.

    A row that differs says so in its own columns.
    """

    tag: str
    access: Access = Access.PARTNER
    reads: Scope | None = None
    writes: Scope | None = None
    read_limit: LimitClass = LimitClass.READS
    write_limit: LimitClass = LimitClass.MANAGEMENT

    def get(self, path: str, handler: Handler[Services], sentence: str, **columns: Unpack[Columns]) -> Route[Services]:
        """A row that reads."""
        usual: Columns = {"scope": self.reads, "limit": self.read_limit}
        return self._row("GET", path, handler, sentence, {**usual, **columns})

    def post(self, path: str, handler: Handler[Services], sentence: str, **columns: Unpack[Columns]) -> Route[Services]:
        """A row that makes something, or does something to what there is."""
        return self._row("POST", path, handler, sentence, {**self._writing(), **columns})

    def put(self, path: str, handler: Handler[Services], sentence: str, **columns: Unpack[Columns]) -> Route[Services]:
        """A row that says the whole of something, new or not."""
        return self._row("PUT", path, handler, sentence, {**self._writing(), **columns})

    def patch(
        self, path: str, handler: Handler[Services], sentence: str, **columns: Unpack[Columns]
    ) -> Route[Services]:
        """A row that changes what there is."""
        return self._row("PATCH", path, handler, sentence, {**self._writing(), **columns})

    def delete(
        self, path: str, handler: Handler[Services], sentence: str, **columns: Unpack[Columns]
    ) -> Route[Services]:
        """A row that ends something; its answer is empty."""
        return self._row("DELETE", path, handler, sentence, {**self._writing(), "status": 204, **columns})

    def _writing(self) -> Columns:
        return {"scope": self.writes, "limit": self.write_limit}

    def _row(
        self, method: str, path: str, handler: Handler[Services], sentence: str, columns: Columns
    ) -> Route[Services]:
        return Route(
            method=method,
            path=path,
            handler=handler,
            sentence=sentence,
            access=self.access,
            tag=self.tag,
            **columns,
        )


def open_family(tag: str) -> Family[Any]:
    """Rows that anybody may call, without limits."""
    unlimited = LimitClass.UNLIMITED
    return Family(tag=tag, access=Access.OPEN, read_limit=unlimited, write_limit=unlimited)


def admin_family(tag: str) -> Family[Any]:
    """Rows of the admin port."""
    return Family(tag=tag, access=Access.ADMIN, read_limit=LimitClass.ADMIN, write_limit=LimitClass.ADMIN)
