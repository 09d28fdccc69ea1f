"""The links of the chain. No I/O.

The hash of an entry is SHA-256 (FIPS 180-4) of a JSON object: every column of the entry as text, exactly as the
database prints it, the time at which it was chained, and the hash of the entry before it; names sorted, no spaces,
UTF-8. The first entry follows 32 zero bytes. Positions are not hashed: they are what the links say, counted from 1.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

GENESIS = bytes(32)
CONTENT = ("id", "at", "partner_id", "actor", "action", "target", "request_id", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry in its place. `content` has a text, or None, for each name of CONTENT."""

    position: int
    previous: bytes
    hash: bytes
    chained_at: str
    content: Mapping[str, str | None]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """From a row of the query `links`; what was emptied stays empty and verifies as nothing."""
        return cls(
            position=row["position"],
            previous=row["previous"] or b"",
            hash=row["hash"] or b"",
            chained_at=row["chained_at"] or "",
            content={name: row[name] for name in CONTENT},
        )

    @property
    def is_intact(self) -> bool:
        """Whether its hash is that of what it holds."""
        return self.hash == hash_of(self.content, self.chained_at, self.previous)

    def exported(self) -> dict[str, Any]:
        """As a line of an export has it; hashes in lower-case hexadecimal."""
        return {
            "position": self.position,
            "hash": self.hash.hex(),
            "previous": self.previous.hex(),
            "chained_at": self.chained_at,
            **self.content,
        }


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the chain and the hash that stands there; position 0 is where it begins."""

    position: int = 0
    hash: bytes = GENESIS


def hash_of(content: Mapping[str, str | None], chained_at: str, previous: bytes) -> bytes:
    """32 bytes."""
    hashed = {**content, "chained_at": chained_at, "previous": previous.hex()}
    return hashlib.sha256(orjson.dumps(hashed, option=orjson.OPT_SORT_KEYS)).digest()


def linked(end: Mark, rows: Iterable[Mapping[str, Any]], chained_at: str) -> list[Link]:
    """The entries as the next links after the end of the chain, in the order given."""
    links = []
    for row in rows:
        content = {name: row[name] for name in CONTENT}
        link = Link(
            position=end.position + 1,
            previous=end.hash,
            hash=hash_of(content, chained_at, end.hash),
            chained_at=chained_at,
            content=content,
        )
        links.append(link)
        end = Mark(link.position, link.hash)
    return links
