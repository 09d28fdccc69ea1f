"""Cursors over a bank's pages, and what keeps an entry from being shown twice while pages shift under the reader.

A cursor is sealed: it holds the bank's link to the next page and the digests of what was shown last. An entry that the
bank gives an id is never shown twice; entries without one are never left out, for two equal ones may be two.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import orjson

from adapters.contract.accounts import BankTransaction
from kernel.errors import FieldError, Invalid

_DIGEST_BYTES = 6
# How many entries back are remembered: pages shift by what is booked while somebody reads.
_REMEMBERED_MAX = 400
_ID_VERSION_8 = (8 << 76) | (2 << 62)
_ID_CLEAR = ~((0xF << 76) | (0x3 << 62)) & (2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reader is: the bank's next page, the days asked for, and what was shown."""

    page: str | None = field(default=None, repr=False)
    booked_from: date | None = None
    booked_to: date | None = None
    shown: tuple[bytes, ...] = field(default=(), repr=False)

    def to_json(self) -> bytes:
        """As bytes to seal."""
        days = [None if day is None else day.isoformat() for day in (self.booked_from, self.booked_to)]
        shown = base64.b64encode(b"".join(self.shown)).decode()
        return orjson.dumps([self.page, *days, shown])

    @classmethod
    def from_json(cls, opened: bytes) -> "Place":
        """The place that `to_json` wrote."""
        page, begin, end, shown = orjson.loads(opened)
        joined = base64.b64decode(shown)
        return cls(
            page=page,
            booked_from=None if begin is None else date.fromisoformat(begin),
            booked_to=None if end is None else date.fromisoformat(end),
            shown=tuple(joined[at : at + _DIGEST_BYTES] for at in range(0, len(joined), _DIGEST_BYTES)),
        )


def transaction_id(account_id: UUID, transaction: BankTransaction) -> UUID | None:
    """Our id of an entry: the same whenever it is read, made of the bank's own (a UUIDv8, RFC 9562 §5.8)."""
    if transaction.id is None:
        return None
    digest = hashlib.sha256(account_id.bytes + transaction.id.encode()).digest()
    return UUID(int=(int.from_bytes(digest[:16], "big") & _ID_CLEAR) | _ID_VERSION_8)


def not_shown(
    account_id: UUID, found: Sequence[BankTransaction], shown: Sequence[bytes]
) -> tuple[list[tuple[BankTransaction, UUID | None]], tuple[bytes, ...]]:
    """The entries of a page that were not shown yet, each with our id, and the digests to remember from now on."""
    known, fresh, new = set(shown), [], []
    for transaction in found:
        identifier = transaction_id(account_id, transaction)
        digest = None if identifier is None else _short(identifier, transaction)
        if digest is not None and digest in known:
            continue
        if digest is not None:
            known.add(digest)
            new.append(digest)
        fresh.append((transaction, identifier))
    return fresh, (*shown, *new)[-_REMEMBERED_MAX:]


def to_text(sealed: bytes) -> str:
    """A sealed place as it goes to the wire."""
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The sealed place of a cursor. Raises Invalid for what is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise cursor_invalid() from None


def cursor_invalid() -> Invalid:
    """The refusal of a cursor that is not ours, or of another account."""
    message = "Send the next_cursor of the page before, as it is."
    return Invalid([FieldError(pointer="/cursor", code="cursor_invalid", message=message)])


def _short(identifier: UUID, transaction: BankTransaction) -> bytes:
    """A pending entry that is booked meanwhile is another thing to be shown."""
    return hashlib.sha256(identifier.bytes + transaction.status.encode()).digest()[:_DIGEST_BYTES]
