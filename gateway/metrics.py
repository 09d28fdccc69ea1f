"""What the public port counts. Labels are routes and statuses, never anything that a caller sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_Counted: TypeAlias = tuple[Callable[[], None], Callable[[float], None]]


@dataclass(frozen=True, slots=True)
class EdgeMetrics:
    """Answers by route and status, and how long they took."""

    answers: Counter
    seconds: Histogram
    # Finding a counter by its labels costs more than counting.
    _counted: dict[tuple[str, str, int], _Counted] = field(default_factory=dict)

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
        counted = self._counted.get((route, method, status))
        if counted is None:
            counted = self._counted[route, method, status] = self._of(route, method, status)
        counted[0]()
        counted[1](seconds)

    def _of(self, route: str, method: str, status: int) -> _Counted:
        return self.answers.labels(route, method, str(status)).inc, self.seconds.labels(route).observe
