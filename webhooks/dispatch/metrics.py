from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchMetrics:
    """What a dispatcher counts."""

    attempts: Counter
    dropped: Counter
    finishes_lost: Counter
    in_flight: Gauge

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "DispatchMetrics":
        """The metrics, made known to a registry. Call it once per registry."""
        return cls(
            attempts=Counter(
                "threadneedle_delivery_attempts",
                "Attempts by what they meant",
                ["decision", "cause"],
                registry=registry,
            ),
            dropped=Counter("threadneedle_claims_dropped", "Claims that were not sent", ["why"], registry=registry),
            finishes_lost=Counter(
                "threadneedle_finishes_lost",
                "Leases that had ended before their result was committed",
                registry=registry,
            ),
            in_flight=Gauge("threadneedle_deliveries_in_flight", "Claims between claim and commit", registry=registry),
        )
