"""One sendable delivery becomes an outcome: sent, sealed, decided, logged."""

import random
from typing import Protocol

from kernel.clock import Clock
from kernel.ids import new_id
from kernel.sealing import Vault
from webhooks.dispatch.metrics import AttemptNotes
from webhooks.dispatch.outcome import Attempt, Outcome, Sendable, decide
from webhooks.dispatch.policy import DispatchPolicy
from webhooks.sending.model import AttemptResult, LoadedDelivery, exchange_context


class Sender(Protocol):
    """Makes one attempt (`webhooks.sending.sender.Sender`)."""

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        """POST it once, signed before anything is waited for. Never raises for what the receiver does."""
        ...


class Attempter:
    """Sends and decides; the only one that sees both the delivery and its result."""

    def __init__(self, sender: Sender, vault: Vault, clock: Clock, policy: DispatchPolicy, notes: AttemptNotes) -> None:
        self._sender = sender
        self._vault = vault
        self._clock = clock
        self._policy = policy
        self._notes = notes

    async def attempt(self, sendable: Sendable) -> Outcome | None:
        """Make one attempt; its outcome is still to be recorded.

        None, and nothing is sent, where the keys were read so long ago that they may have been revoked since.
        """
        if self._clock.monotonic() - sendable.read_at > self._policy.signing_seconds:
            return None
        result = await self._sender.send(sendable.delivery)
        attempt_id = new_id(result.started_at)
        key = await self._vault.data_key(sendable.delivery.tenant.partner_id, sendable.owner_id)
        attempt = Attempt(
            id=attempt_id,
            cause=sendable.delivery.cause,
            result=result,
            sealed_exchange=self._vault.seal(key, result.exchange, exchange_context(attempt_id)),
        )
        jitter = random.random()  # noqa: S311 - spreads retries, protects nothing
        outcome = decide(sendable, attempt, self._policy.retry, self._clock.now(), jitter)
        self._notes.take(sendable.delivery, result, outcome)
        return outcome
