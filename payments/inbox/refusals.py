"""Refused notifications: anybody may send them, so few that are alike are kept, and a line a minute tells of them."""

from dataclasses import dataclass

import structlog

from kernel.clock import Clock

_log = structlog.get_logger()
_SECONDS = 60.0
# Enough to see what a bank does wrong; a flood must not fill the disk.
_KEPT_MAX = 10


@dataclass(slots=True, kw_only=True)
class _Told:
    at: float
    since: int = 0


class Refusals:
    """One process' lines. Banks are the configured ones and reasons the adapters' own words, so they stay few.

    What comes after a line is told with the next one; the metric counts each at once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str | None], _Told] = {}

    def tell(self, bank_id: str, why: str | None) -> bool:
        """Whether this one is to be kept.

        The first is told at once; `times` is how many there were since the last line, with this one.
        """
        now, last = self._clock.monotonic(), self._told.get((bank_id, why))
        if last is not None and now - last.at < _SECONDS:
            last.since += 1
            return last.since < _KEPT_MAX
        self._told[bank_id, why] = _Told(at=now)
        times = 1 if last is None else last.since + 1
        _log.warning("notification.refused", bank_id=bank_id, why=why, times=times)
        return True
