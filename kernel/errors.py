"""The errors that every room may raise, and what each means to a caller.

ThreadneedleError
├── Refused              the caller's request cannot be done as it stands; repeating it will not help
│   ├── Invalid          fields are wrong; carries every one of them
│   ├── NotFound         no such resource in the caller's partner and environment
│   ├── Conflict         the resource's present state, or another request, forbids it
│   └── Forbidden        the caller may not do this
└── Unavailable          a dependency is away; the same request may succeed later

`code` is stable and goes to the wire; the first line of a class's docstring is its title. No message ever repeats a
value that the caller sent.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong field: its JSON Pointer (RFC 6901), a stable code, and what would be right."""

    pointer: str
    code: str
    message: str


class ThreadneedleError(Exception):
    """The request could not be served."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str = "", *, code: str | None = None, action: str | None = None) -> None:
        """`code` overrides the class's own; `action` tells the caller what to do next."""
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.problem_code = code or self.code
        self.action = action

    @classmethod
    def title(cls) -> str:
        """The first line of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class Refused(ThreadneedleError):
    """The request was refused."""

    code = "refused"


class Invalid(Refused):
    """The request has fields that are not valid."""

    code = "validation_failed"

    def __init__(self, errors: list[FieldError], detail: str = "") -> None:
        super().__init__(detail)
        self.errors = errors


class NotFound(Refused):
    """There is no such resource."""

    code = "not_found"


class Conflict(Refused):
    """The request conflicts with the resource's present state."""

    code = "conflict"


class Forbidden(Refused):
    """The caller may not do this."""

    code = "forbidden"


class Unavailable(ThreadneedleError):
    """The service cannot do this at the moment."""

    code = "temporarily_unavailable"

    def __init__(self, detail: str = "", *, code: str | None = None, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, code=code)
        self.retry_after_seconds = retry_after_seconds
