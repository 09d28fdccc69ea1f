"""How far a new connection has come, and how long each stage took."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """The stages in their order; the values say where the time was over."""

    DNS = "while resolving the name"
    CONNECT = "while connecting"
    PROXY = "while connecting to the egress proxy"
    TLS = "during the TLS handshake"
    ANSWER = "while waiting for the answer"


@dataclass(slots=True)
class Progress:
    """Of one send that needs a new connection. `certificate_expires_at` is the receiver's, once it has shown it."""

    stage: Stage = Stage.DNS
    certificate_expires_at: datetime | None = None
    _since: int = field(default_factory=time.perf_counter_ns)
    _spent_us: dict[Stage, int] = field(default_factory=dict)

    def enter(self, stage: Stage) -> None:
        """The next stage begins, and the one before has ended."""
        now = time.perf_counter_ns()
        self._spent_us[self.stage] = self._spent_us.get(self.stage, 0) + (now - self._since) // 1000
        self.stage, self._since = stage, now

    def spent_us(self, *stages: Stage) -> int | None:
        """Microseconds in these stages together; None if none of them was entered. The present one counts till now."""
        if self.stage is not Stage.ANSWER:
            self.enter(self.stage)
        spent = [self._spent_us[stage] for stage in stages if stage in self._spent_us]
        return sum(spent) if spent else None
