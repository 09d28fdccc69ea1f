"""What the public port counts. Labels are routes and statuses, never anything that a caller sent."""

from dataclasses import dataclass
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class EdgeMetrics:
    """Answers by route and status, and how long they took."""

    answers: Counter
    seconds: Histogram

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Self:
        """Registered there; once per registry."""
        return cls(
            answers=Counter(
                "gateway_answers",
                "Answered requests by route, method and status.",
                ["route", "method", "status"],
                registry=registry,
            ),
            seconds=Histogram(
                "gateway_answer_seconds",
                "Seconds from request to answer.",
                ["route"],
                buckets=_SECONDS,
                registry=registry,
            ),
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answer."""
        self.answers.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


METRICS = web.AppKey("metrics", EdgeMetrics)
