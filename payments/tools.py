"""What the stages of a payment need of the outside, each as the smallest port that will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import asyncpg

from adapters.contract import Bank, Outcome
from adapters.wire import WireRequest
from kernel.clock import Clock
from kernel.masked import Secret
from kernel.sealing import Vault
from payments.banks import BankRegistry
from payments.policy import PaymentsPolicy
from webhooks.events.model import NewEvent, Written
from webhooks.queue.port import Enqueuer

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class BankCalls(Protocol):
    """Performs one prepared call and says what our transport can prove (adapters/engine)."""

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """Never raises for the bank's or the network's fault. `payer_access` is for a request made as the payer."""
        ...


class EventSink(Protocol):
    """Writes events and their deliveries in the caller's transaction (webhooks/events)."""

    async def write(self, connection: Connection, events: Sequence[NewEvent]) -> list[Written]:
        """What stands in the database once the caller commits."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Built once by the composition root, given to every stage."""

    pool: Pool
    vault: Vault
    banks: BankRegistry
    engine: BankCalls
    events: EventSink
    enqueuer: Enqueuer
    clock: Clock
    policy: PaymentsPolicy
