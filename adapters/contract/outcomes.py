"""What became of one call, as far as our own transport can prove it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import orjson

from adapters.wire import WireReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call as it is recorded: credentials masked, bodies whole.

    `to_bytes` is to be sealed; `at`, `outcome`, `duration_us` and `status_code` may stand in plain columns.
    """

    at: datetime
    outcome: str
    duration_us: int
    status_code: int | None
    head: Mapping[str, object] = field(repr=False)
    request_body: bytes = field(repr=False)
    reply_body: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """One JSON line with both heads and the bodies' lengths, then the two bodies."""
        lengths = {"request_bytes": len(self.request_body), "reply_bytes": len(self.reply_body)}
        return orjson.dumps({**self.head, **lengths}) + b"\n" + self.request_body + self.reply_body

    @classmethod
    def from_bytes(cls, opened: bytes, **plain: Any) -> Self:
        """The exchange that `to_bytes` wrote, with what stands in plain columns beside it."""
        line, _, bodies = opened.partition(b"\n")
        head = orjson.loads(line)
        cut = head.pop("request_bytes")
        del head["reply_bytes"]
        return cls(head=head, request_body=bodies[:cut], reply_body=bodies[cut:], **plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole HTTP answer was read; what it means is the adapter's `parse`."""

    reply: WireReply
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverLeft:
    """Our own transport proves that no byte of the request was written; the call may be made again."""

    why: str
    exchange: Exchange
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A byte may have left and no whole answer was read; only evidence will tell."""

    why: str
    bytes_seen: int
    exchange: Exchange


Outcome = Answered | NeverLeft | Unknown
