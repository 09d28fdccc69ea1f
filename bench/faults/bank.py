"""The bank misbehaves towards the next payments, as its simulator is told to."""

import time
from dataclasses import dataclass

from bench.faults.fault import SkippedFault
from bench.load.api import Api
from bench.target import BankFaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehave:
    """One of the target file's named faults."""

    name: str
    faults: BankFaults
    api: Api

    @property
    def kind(self) -> str:
        """Its name."""
        return f"bank: {self.name}"

    async def strike(self) -> float:
        """It takes nothing away from webhooks, so recovery counts from now."""
        reply = await self.api.call(self.faults.call, {"fault": self.faults.bodies[self.name]})
        if reply.status not in self.faults.call.accepted:
            raise SkippedFault(f"the bank answered {reply.status} {reply.error}")
        return time.monotonic()
