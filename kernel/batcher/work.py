"""What a user of the batcher gives it."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Row = TypeVar("Row")
Result = TypeVar("Result")
Row_contra = TypeVar("Row_contra", contravariant=True)
Outcome = TypeVar("Outcome")

BatchConnection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class BatchWork(Protocol[Row_contra, Outcome]):
    """What one kind of batch writes. `write` must be safe to repeat for the same rows, and `find` must see its work."""

    @property
    def name(self) -> str:
        """How logs and metrics call it."""
        ...

    @property
    def begin(self) -> str:
        """How its transactions begin: BEGIN, and what is set for them in the same round trip."""
        ...

    def key(self, row: Row_contra) -> Any:
        """What the row is about, hashable and orderable: rows are sorted by it, so that batches lock in one order.

        Two rows of one key are never in one batch nor in two at once: the second waits for the first's end.
        """
        ...

    async def write(self, connection: BatchConnection, rows: Sequence[Row_contra]) -> Sequence[Outcome | Exception]:
        """Write the rows; one result each, in order. An Exception as result refuses that row and harms no other.

        Runs inside the batch's transaction, which it neither opens nor ends (nor may it call `connection.transaction`).
        What it raises is about the whole batch: it is retried or halved.
        """
        ...

    async def find(self, connection: BatchConnection, rows: Sequence[Row_contra]) -> Sequence[Outcome | None]:
        """After a commit whose outcome is unknown: each row's result if it is there already, else None."""
        ...

    async def committed(self, results: Sequence[Outcome]) -> None:
        """After the commit and before the callers are answered, e.g. one enqueue call. Its failure fails nobody."""
        ...
