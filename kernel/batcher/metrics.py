from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMetrics:
    """What all batchers of one process count, each under its name."""

    rows: Histogram
    seconds: Histogram
    repeated: Counter
    refused: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> "BatchMetrics":
        """The metrics, made known to a registry. Call it once per registry."""
        return cls(
            rows=Histogram("threadneedle_batch_rows", "Rows of one batch", ["batch"], buckets=_ROWS, registry=registry),
            seconds=Histogram(
                "threadneedle_batch_commit_seconds",
                "From taking a batch to its end, tries included",
                ["batch"],
                buckets=_SECONDS,
                registry=registry,
            ),
            repeated=Counter(
                "threadneedle_batch_repeated",
                "Tries of a batch that had to be repeated, halved or looked up",
                ["batch", "why"],
                registry=registry,
            ),
            refused=Counter(
                "threadneedle_batch_rows_refused",
                "Rows refused because the batcher was full",
                ["batch"],
                registry=registry,
            ),
        )
