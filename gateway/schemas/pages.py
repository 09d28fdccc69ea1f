"""Lists and problems, which look the same everywhere."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, Field

from gateway.schemas.types import Query, Response, wrong

Item = TypeVar("Item")
PAGE_DEFAULT = 50
PAGE_MAX = 100
_CURSOR_MAX = 200


def _cursor(value: str) -> str:
    if not value or len(value) > _CURSOR_MAX or not (value.isascii() and value.isprintable()):
        raise wrong("format", "Send the next_cursor of the page before, as it is.")
    return value


Cursor = Annotated[str, AfterValidator(_cursor)]


class PageQuery(Query):
    """How much of a list, and from where."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Cursor | None = None


class Page(Response, Generic[Item]):
    """One page of a list; without next_cursor it is the last one."""

    data: list[Item]
    next_cursor: str | None


class FieldProblem(Response):
    """One wrong field."""

    pointer: str
    code: str
    message: str


class ProblemOut(Response):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    recommended_action: str
    request_id: str
    errors: list[FieldProblem] | None = None
    violated_policies: Annotated[list[str] | None, Field(alias="violated-policies")] = None


def page(data: list[Any], next_cursor: str | None) -> dict[str, Any]:
    """The plain data of a Page."""
    return {"data": data, "next_cursor": next_cursor}
