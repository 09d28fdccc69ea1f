"""Cursors: opaque to callers, checked when they come back."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from kernel.errors import FieldError, Invalid

_FORMAT = struct.Struct(">BQ16s")
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a list: after the row with this id, and in the feed of this transaction."""

    id: UUID
    xid: int = 0

    def to_text(self) -> str:
        """The cursor that callers get."""
        return urlsafe_b64encode(_FORMAT.pack(_VERSION, self.xid, self.id.bytes)).decode().rstrip("=")

    @classmethod
    def from_text(cls, cursor: str) -> "Position":
        """The opposite of `to_text`. Raises Invalid for anything that we did not make."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            version, xid, identifier = _FORMAT.unpack(raw)
        except (ValueError, struct.error):
            raise _invalid() from None
        position = cls(id=UUID(bytes=identifier), xid=xid)
        if version != _VERSION or position.to_text() != cursor:
            raise _invalid()
        return position


def _invalid() -> Invalid:
    message = "must be a next_cursor that this list gave"
    return Invalid([FieldError(pointer="/cursor", code="cursor_invalid", message=message)])
