"""Each proof once (RFC 9449 §11.1): remembered in PostgreSQL by group commit, in all processes' sight.

So no flush, restart or absence of Redis makes a proof good twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.batcher.work import BatchConnection
from kernel.sql import beside

_QUERIES = beside(__file__, "dpop.sql")


@dataclass(frozen=True, slots=True)
class UsedProof:
    """A proof of one of a partner's clients, by its digest, and when no nonce makes it acceptable any longer."""

    partner_id: UUID
    digest: bytes
    expires_at: datetime


class SpentProofs:
    """What the batcher writes (`kernel.batcher.BatchWork`): True for a proof that was not used before."""

    name = "dpop_proofs"
    begin = "BEGIN"

    def key(self, row: UsedProof) -> tuple[bytes, bytes]:
        """The proof: two uses of one are never in one batch."""
        return row.partner_id.bytes, row.digest

    async def write(self, connection: BatchConnection, rows: Sequence[UsedProof]) -> Sequence[bool | Exception]:
        """One statement for all of them."""
        expires = [row.expires_at for row in rows]
        fresh = await connection.fetch(_QUERIES["spend_proofs"], *_columns(rows), expires)
        digests = {record["digest"] for record in fresh}
        return [row.digest in digests for row in rows]

    async def find(self, connection: BatchConnection, rows: Sequence[UsedProof]) -> Sequence[bool | None]:
        """After a commit of unknown outcome, what stands there counts as used: its sender makes another proof."""
        known = await connection.fetch(_QUERIES["find_proofs"], *_columns(rows))
        digests = {record["digest"] for record in known}
        return [False if row.digest in digests else None for row in rows]

    async def committed(self, results: Sequence[bool]) -> None:
        """Nobody has to be told."""


def _columns(rows: Sequence[UsedProof]) -> tuple[list[UUID], list[bytes]]:
    return [row.partner_id for row in rows], [row.digest for row in rows]
