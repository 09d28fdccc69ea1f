"""What the searches' parameters have in common."""

from datetime import datetime
from uuid import UUID

from gateway.http.call import Call
from kernel.errors import FieldError, Invalid
from kernel.ids import Environment, Kind, to_text
from payments.view import rfc3339


def sent_ids(call: Call, **kinds: Kind) -> dict[str, UUID | None]:
    """The ids of the query string by their parameters. Raises Invalid with every one that names nothing here."""
    found: dict[str, UUID | None] = {}
    errors: list[FieldError] = []
    for name, kind in kinds.items():
        try:
            found[name] = call.maybe_id(getattr(call.query, name), kind, f"/{name}")
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid(errors)
    return found


def status_codes(code: int | None, status_class: str | None) -> tuple[int, int] | None:
    """The lowest and the highest status code asked for; of a code outside its class there is none."""
    if code is None and status_class is None:
        return None
    hundred = 100 * int(status_class[0]) if status_class is not None else 0
    lowest, highest = (hundred, hundred + 99) if status_class is not None else (0, 999)
    return (lowest, highest) if code is None else (max(code, lowest), min(code, highest))


def maybe_text(kind: Kind, identifier: UUID | None, environment: Environment) -> str | None:
    """An id as partners see it, where there is one."""
    return None if identifier is None else to_text(kind, identifier, environment)


def when(at: datetime | None) -> str | None:
    """A time as RFC 3339 writes it, where there is one."""
    return None if at is None else rfc3339(at)
