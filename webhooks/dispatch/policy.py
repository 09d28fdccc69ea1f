"""The numbers of a dispatcher."""

from dataclasses import dataclass, field
from datetime import timedelta

from webhooks.sending.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a delivery is tried again, and when it has grown too old for that.

    `ours_wait` is the wait after a failure that was nobody's but ours (our proxy, a fault of ours): it uses no step.
    """

    schedule: Schedule = field(default_factory=Schedule)
    age_max: timedelta = timedelta(days=5)
    ours_wait: timedelta = timedelta(seconds=30)
    park_max: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """How much one dispatcher does at once, and how long each stage of a claim may take.

    `send_seconds` is the transport's total deadline. A lease must outlast loading, sending and the wait for the commit.
    Nothing is signed with keys that were read longer than `signing_seconds` ago: whoever revokes a key waits that long
    before it answers, and from then on the key signs nothing.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    claim_max: int = 200
    in_flight_max: int = 1_000
    load_seconds: float = 5
    signing_seconds: float = 1
    send_seconds: float = 20
    commit_seconds: float = 5
    tick_seconds: float = 0.25
    idle_seconds: float = 1
    backoff_seconds_max: float = 5

    @property
    def lease_seconds_min(self) -> float:
        """The shortest lease under which a result is in time."""
        return self.load_seconds + self.send_seconds + self.commit_seconds
