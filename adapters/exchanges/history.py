"""Exchanges that were kept, opened."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from adapters.contract import Exchange
from adapters.exchanges.masking import without_person
from kernel.masked import Masked
from kernel.sealing import SealError, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptExchange:
    """One call; `exchange` is None once the merchant's data were erased.

    `kind` is the operation, None for a call that was kept without saying which.
    """

    id: UUID
    kind: str | None
    at: datetime
    outcome: str
    status_code: int | None
    duration_us: int
    exchange: Exchange | None = field(repr=False)

    @classmethod
    def of(cls, row: Any, opened: bytes | SealError, known: Collection[Masked] = ()) -> Self:
        """From a row's plain columns and what was sealed, masked as what is shown has to be, the `known` values too."""
        plain = {name: row[name] for name in ("at", "outcome", "status_code", "duration_us")}
        whole = None if isinstance(opened, SealError) else Exchange.from_bytes(opened, **plain)
        exchange = None if whole is None else without_person(whole, known)
        return cls(id=row["id"], kind=row["kind"], exchange=exchange, **plain)


async def open_exchanges(
    vault: Vault, rows: Sequence[Any], context: Callable[[UUID], bytes], known: Collection[Masked] = ()
) -> list[KeptExchange]:
    """The rows' exchanges, in their order; `context` is what binds one to its row, `known` is masked in each."""
    sealed = [(row["partner_id"], row["sealed_exchange"], context(row["id"])) for row in rows]
    opened = await vault.open_each(sealed)
    return [KeptExchange.of(row, each, known) for row, each in zip(rows, opened, strict=True)]
