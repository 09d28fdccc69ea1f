"""What only the edge can refuse, beside the errors that every room may raise (kernel/errors.py).

Refused
├── Unauthenticated     no credentials, or none that we accept; says how to authenticate
├── InsufficientScope   the access token does not allow this; says what would
├── Malformed           the body is no JSON that we read
├── UnsupportedMedia    the body is of another media type
├── TooLarge            the body is over the route's cap
├── RequestTimeout      the body did not arrive in time
├── ExceedsLimit        the request costs more than a limit ever holds
└── RateLimited         a limit is reached; says which and for how long
"""

from collections.abc import Mapping, Sequence

from kernel.errors import FieldError, Forbidden, Invalid, Refused


class Unauthenticated(Refused):
    """The request carries no credentials that are accepted."""

    code = "unauthenticated"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        challenge: str = "Bearer",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`challenge` is the value of WWW-Authenticate (RFC 9110 §11.6.1); `headers` go with it."""
        super().__init__(detail, code=code)
        self.headers = {"WWW-Authenticate": challenge, **(headers or {})}


class InsufficientScope(Forbidden):
    """The access token does not allow this; says what would (RFC 6750 §3.1)."""

    code = "insufficient_scope"

    def __init__(self, scope: str, challenge: str) -> None:
        """`challenge` is the value of WWW-Authenticate."""
        super().__init__(f"The access token lacks the scope {scope}.")
        self.headers = {"WWW-Authenticate": challenge}


class Malformed(Refused):
    """The body cannot be read as JSON."""

    code = "malformed_json"


class UnsupportedMedia(Refused):
    """The body's media type is not supported."""

    code = "unsupported_media_type"


class TooLarge(Refused):
    """The body is too large."""

    code = "body_too_large"


class RequestTimeout(Refused):
    """The body did not arrive in time."""

    code = "request_timeout"


class ExceedsLimit(Invalid):
    """The request costs more than a limit of its client ever holds: waiting does not help."""

    def __init__(self, message: str, *, headers: Mapping[str, str], pointer: str = "") -> None:
        """`headers` name the limit; `pointer` is what costs so much, empty for the request as a whole."""
        super().__init__([FieldError(pointer=pointer, code="exceeds_limit", message=message)])
        self.message = message
        self.headers = headers

    def at(self, pointer: str) -> "ExceedsLimit":
        """The same of a member of the body."""
        return ExceedsLimit(self.message, headers=self.headers, pointer=pointer)


class RateLimited(Refused):
    """The rate limit is reached."""

    code = "rate_limited"

    def __init__(
        self, detail: str, *, retry_after_seconds: int, headers: Mapping[str, str], policies: Sequence[str] = ()
    ) -> None:
        """`headers` name the limit that bites, `policies` all that refuse."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
        self.headers = headers
        self.policies = policies
