"""What processes spend and hold, as the kernel tells it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

_PROC = Path("/proc")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of these processes together, since they began, finer than the ticks of /proc/PID/stat; the gone count nothing."""
    return sum(_run_time(pid) for pid in pids)


def memory_mib(pids: Iterable[int]) -> float:
    """Of these processes together: their own pages, and their share of those that they share."""
    return sum(_share_kib(pid) for pid in pids) / 1024


def with_children(pid: int) -> list[int]:
    """The process and its children: PostgreSQL has one for every connection."""
    return [pid, *(int(text) for task in _tasks(pid) for text in _read(task / "children").split())]


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each name spent in between."""
    return {name: after[name] - before[name] for name in after}


def _run_time(pid: int) -> float:
    return sum(int((_read(task / "schedstat").split() or ["0"])[0]) for task in _tasks(pid)) / 1e9


def _share_kib(pid: int) -> float:
    lines = _read(_PROC / str(pid) / "smaps_rollup").splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _tasks(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
