"""Cursors: opaque to callers, checked when they come back."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kernel.errors import FieldError, Invalid

_FORMAT = struct.Struct(">BQ16s")
_PAIR_FORMAT = struct.Struct(">B16s16s")
_VERSION = 1
_PAIR_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a list: after the row with this id, and where ids are not the order, after this number.

    The number is the transaction's in the feed, and the endpoint's own count in a list of its deliveries.
    """

    id: UUID
    number: int = 0

    def to_text(self) -> str:
        """The cursor that callers get."""
        return _encode(_FORMAT.pack(_VERSION, self.number, self.id.bytes))

    @classmethod
    def from_text(cls, cursor: str) -> "Position":
        """The opposite of `to_text`. Raises Invalid for anything that we did not make."""
        number, identifier = _decode(cursor, _FORMAT, _VERSION)
        return cls(id=UUID(bytes=identifier), number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPosition:
    """A place among attempts: after this one of this delivery."""

    delivery_id: UUID
    id: UUID

    def to_text(self) -> str:
        """The cursor that callers get."""
        return _encode(_PAIR_FORMAT.pack(_PAIR_VERSION, self.delivery_id.bytes, self.id.bytes))

    @classmethod
    def from_text(cls, cursor: str) -> "AttemptPosition":
        """The opposite of `to_text`. Raises Invalid for anything that we did not make."""
        delivery_id, identifier = _decode(cursor, _PAIR_FORMAT, _PAIR_VERSION)
        return cls(delivery_id=UUID(bytes=delivery_id), id=UUID(bytes=identifier))


def invalid_cursor() -> Invalid:
    """What a cursor that this list did not give is answered with."""
    message = "must be a next_cursor that this list gave"
    return Invalid([FieldError(pointer="/cursor", code="cursor_invalid", message=message)])


def _encode(packed: bytes) -> str:
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str, shape: struct.Struct, version: int) -> tuple[Any, ...]:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        given, *fields = shape.unpack(raw)
    except (ValueError, struct.error):
        raise invalid_cursor() from None
    if given != version or _encode(raw) != cursor:
        raise invalid_cursor()
    return tuple(fields)
