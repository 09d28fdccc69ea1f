"""What a dispatcher tells: its metrics, and a line and a count for every attempt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from webhooks.dispatch.outcome import Outcome
from webhooks.sending.model import AttemptResult, Cause, Decision, LoadedDelivery

# Writes one line of the log: its event and plain values.
Tell = Callable[[str, Mapping[str, Any]], None]


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


class AttemptNotes:
    """Takes note of every attempt; it is told thousands in a second, so it looks nothing up twice."""

    def __init__(self, metrics: DispatchMetrics, tell: Tell) -> None:
        self._metrics = metrics
        self._tell = tell
        self._counters: dict[tuple[Decision, Cause], Counter] = {}

    def take(self, delivery: LoadedDelivery, result: AttemptResult, outcome: Outcome) -> None:
        """Count it and write its line."""
        self._counter(result.verdict.decision, delivery.cause).inc()
        self._tell(
            "delivery.attempted",
            {
                "partner_id": str(delivery.tenant.partner_id),
                "event_id": str(delivery.event_id),
                "delivery_id": str(delivery.delivery_id),
                "endpoint_id": str(delivery.endpoint_id),
                "round": delivery.round,
                "step": delivery.step,
                "cause": delivery.cause,
                "status_code": result.status_code,
                "error_class": result.error_class,
                "duration_us": result.timings.total_us,
                "state": outcome.state,
                "retry_ms": outcome.retry.delay_ms if outcome.retry else None,
            },
        )

    def _counter(self, decision: Decision, cause: Cause) -> Counter:
        counter = self._counters.get((decision, cause))
        if counter is None:
            counter = self._counters[decision, cause] = self._metrics.attempts.labels(decision, cause)
        return counter
