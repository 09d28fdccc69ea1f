"""All findings of one history."""

from collections.abc import Iterator

from bench.checker import events, payments, recovery, timing
from bench.checker.finding import Finding
from bench.checker.history import History
from bench.target import Target

_OPEN_STATES = frozenset({"pending", "waiting"})


def check(
    history: History, target: Target, recovery_seconds_max: float = recovery.RECOVERY_SECONDS_MAX
) -> list[Finding]:
    """Everything that can be said, in the order in which it is to be read."""
    found = [*events.findings(history), *timing.findings(history)]
    if target.payments is not None:
        found += payments.findings(history, target.payments)
    return [*found, *recovery.findings(history, recovery_seconds_max), *_what_is_left(history)]


def chains_promised(target: Target) -> bool:
    """Whether publishing tells the system which events belong together."""
    return "$chain" in str(target.publish.body)


def _what_is_left(history: History) -> Iterator[Finding]:
    """Memory and backlog at the end."""
    backlog = sum(1 for delivery in history.final.deliveries if delivery["state"] in _OPEN_STATES)
    yield Finding(name="backlog at the end", count=backlog, unit="deliveries")
    for role, size in sorted(history.final.memory_bytes.items()):
        yield Finding(name=f"memory at the end: {role}", count=round(size / 2**20), unit="MiB")
