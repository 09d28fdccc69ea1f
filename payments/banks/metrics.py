"""What monitoring is told of the configured banks."""

from prometheus_client import CollectorRegistry, Gauge

from payments.banks.registry import BankRegistry


class UnreadableGauge:
    """Names the banks that this process cannot serve: nothing of theirs is asked about or sent meanwhile."""

    def __init__(self, banks: BankRegistry, registry: CollectorRegistry) -> None:
        self._banks = banks
        sentence = "1 for a configured bank whose settings do not open here, or whose adapter is not there."
        self._unreadable = Gauge("threadneedle_bank_unreadable", sentence, ("bank_id",), registry=registry)
        self._told: frozenset[str] = frozenset()

    async def run_once(self) -> None:
        """A bank that can be read again is 0."""
        unreadable = await self._banks.unreadable()
        for bank_id in self._told | unreadable:
            self._unreadable.labels(bank_id).set(int(bank_id in unreadable))
        self._told |= unreadable
