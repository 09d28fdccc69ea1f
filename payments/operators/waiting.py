"""What waits for two persons, over all partners: each payment with why, and with what its bank said."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from prometheus_client import CollectorRegistry, Gauge

from kernel.ids import Environment, Tenant
from kernel.sql import beside
from payments.reading.reader import Reader
from payments.tools import Pool, Tools
from payments.view import PaymentView

_SQL = beside(__file__, "waiting.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A payment that needs an operator; `codes` say why."""

    partner_id: UUID
    payment: PaymentView
    codes: tuple[str, ...]


class WaitingPayments:
    """Lists them for the admin port."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._reader = Reader(tools)

    async def list(self, after: UUID | None, limit: int) -> Sequence[Waiting]:
        """The newest, after the payment that ended the page before."""
        rows = await self._tools.pool.fetch(_SQL["list_waiting"], after, limit)
        found = []
        for row in rows:
            tenant = Tenant(row["partner_id"], Environment(row["environment"]))
            view = (await self._reader.views(tenant, [row], with_evidence=True))[0]
            found.append(Waiting(partner_id=row["partner_id"], payment=view, codes=tuple(row["codes"])))
        return found


class WaitingGauge:
    """Tells monitoring how many payments wait for persons, by why, and how long the oldest has waited."""

    def __init__(self, pool: Pool, registry: CollectorRegistry) -> None:
        self._pool = pool
        sentence = "Payments with something open that no machine can end, by why."
        self._waiting = Gauge("threadneedle_payments_needing_operator", sentence, ("code",), registry=registry)
        oldest = "Seconds for which the oldest open reason of any payment has waited for a person."
        self._oldest = Gauge("threadneedle_payments_needing_operator_oldest_seconds", oldest, registry=registry)
        self._told: set[str] = set()

    async def run_once(self) -> None:
        """Count them; a reason that nothing has any longer is 0."""
        rows = await self._pool.fetch(_SQL["count_waiting"])
        counts = {row["code"]: row["payments"] for row in rows}
        self._oldest.set(max((row["oldest_seconds"] for row in rows), default=0))
        for code in self._told | counts.keys():
            self._waiting.labels(code).set(counts.get(code, 0))
        self._told |= counts.keys()
