"""What the room needs of the outside, each as the smallest port that will do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import asyncpg

from accounts.policy import AccountsPolicy
from adapters.contract import Bank, Outcome
from adapters.contract.accounts import AccountAdapter
from adapters.declaration import Declaration
from adapters.wire import WireRequest
from kernel.clock import Clock
from kernel.masked import Secret
from kernel.sealing import Vault
from webhooks.events.model import NewEvent, Written
from webhooks.queue.port import Enqueuer

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class KnownBank(Protocol):
    """A configured bank, as the registry of banks knows it."""

    @property
    def bank(self) -> Bank:
        """Its settings."""
        ...

    @property
    def suspended(self) -> bool:
        """Whether an admin stopped it."""
        ...

    @property
    def declaration(self) -> Declaration:
        """What its protocol declares."""
        ...


class KnownBanks(Protocol):
    """The configured banks."""

    async def get(self, bank_id: str) -> KnownBank:
        """Raises NotFound."""
        ...

    async def all(self) -> Sequence[KnownBank]:
        """Every bank."""
        ...


class ReadCalls(Protocol):
    """Performs one prepared call in the lane of account information (adapters/engine): no payment waits for it."""

    async def read(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """Never raises for the bank's or the network's fault."""
        ...


class EventSink(Protocol):
    """Writes events and their deliveries in the caller's transaction (webhooks/events)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """What stands in the database once the caller commits."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBank:
    """A bank whose accounts can be read."""

    known: KnownBank
    adapter: AccountAdapter

    @property
    def bank(self) -> Bank:
        """Its settings."""
        return self.known.bank

    @property
    def declaration(self) -> Declaration:
        """What its protocol declares."""
        return self.known.declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Built once by the composition root. `readers` are the account adapters by the name of their protocol.

    `callback_base` is the public URL of ours below which holders come back from their banks.
    """

    pool: Pool
    vault: Vault
    banks: KnownBanks
    readers: Mapping[str, AccountAdapter]
    engine: ReadCalls
    events: EventSink
    enqueuer: Enqueuer
    clock: Clock
    policy: AccountsPolicy
    callback_base: str

    def reader_of(self, known: KnownBank) -> AccountBank | None:
        """The bank with its account adapter; None where its protocol reads no accounts."""
        adapter = self.readers.get(known.bank.adapter)
        return None if adapter is None else AccountBank(known=known, adapter=adapter)

    async def bank(self, bank_id: str) -> AccountBank | None:
        """As `reader_of`, by the bank's id. Raises NotFound for one that is not configured."""
        return self.reader_of(await self.banks.get(bank_id))
