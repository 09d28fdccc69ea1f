"""Which machines a larger load would need, from what an event cost where a load was held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from bench.speed.reporting.results import Figure

RATE = 10_000
# Above this share of a core what waits for it grows faster than the load.
_USED_SHARE = 0.7
_HELD, _LOG = "end to end, held", "write-ahead log"
_HOW = {
    "gateway": "processes of one core, on any machines, one port",
    "dispatcher": "processes of one core, on any machines",
    "worker": "one process, and another to take over",
    "postgres": "cores of one server",
    "redis": "servers of one core each: shards of the queue, and limits by themselves",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Of one part: what an event costs it, how many cores that is at the rate, and how many to have."""

    part: str
    cpu_us: float

    @property
    def cores(self) -> float:
        """Kept busy."""
        return self.cpu_us * RATE / 1e6

    @property
    def wanted(self) -> int:
        """Cores, each used to a share at most."""
        return max(ceil(self.cores / _USED_SHARE), 1)


def needs(figures: Sequence[Figure]) -> list[Need]:
    """One for each part of the system, from the first load that was held; none where none was."""
    held = _first(figures, _HELD)
    return [] if held is None else [Need(part=part, cpu_us=held.cpu_us[part]) for part in _HOW if part in held.cpu_us]


def as_chapter(figures: Sequence[Figure]) -> list[str]:
    """The table with its arithmetic, as lines of Markdown."""
    found, held = needs(figures), _first(figures, _HELD)
    if not found or held is None:
        return []
    total = sum(need.wanted for need in found)
    return [
        f"## Which machines {RATE:,} events a second would need",
        "",
        f"From the CPU of an event at {median(held.values):,.0f} a second ({held.name}).",
        f"Cores kept busy are µs × {RATE:,} ÷ 1,000,000; cores to have are those ÷ {_USED_SHARE:g}, rounded up.",
        "An event costs less at a larger load, where more share a commit and a wake-up: this errs on the safe side.",
        "It is told to one endpoint here: each further one costs a delivery more.",
        "",
        "| Part | CPU µs per event | Cores kept busy | Cores to have | As |",
        "|---|---:|---:|---:|---|",
        *(f"| {n.part} | {n.cpu_us:.0f} | {n.cores:.1f} | {n.wanted} | {_HOW[n.part]} |" for n in found),
        f"| together | {sum(n.cpu_us for n in found):.0f} | {sum(n.cores for n in found):.1f} | {total} | |",
        *_disk(figures),
    ]


def as_json(figures: Sequence[Figure]) -> Mapping[str, object]:
    """The same as values."""
    cores = {need.part: {"busy": need.cores, "to_have": need.wanted} for need in needs(figures)}
    return {"events_per_second": RATE, "cores": cores}


def _disk(figures: Sequence[Figure]) -> list[str]:
    log = _first(figures, _LOG)
    if log is None:
        return []
    size = median(log.values)
    mebibytes = size * RATE / 2**20
    return [
        "",
        f"PostgreSQL's log: {size:,.0f} bytes of an event × {RATE:,} = {mebibytes:.0f} MiB a second to its disk.",
    ]


def _first(figures: Sequence[Figure], beginning: str) -> Figure | None:
    return next((each for each in figures if each.name.startswith(beginning) and not each.failed), None)
