"""CPU seconds of processes, finer than the 10 ms ticks of /proc/PID/stat: the run time of every thread."""

from collections.abc import Iterable, Mapping
from pathlib import Path

_PROC = Path("/proc")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of these processes together, since they began; those that are gone count nothing."""
    return sum(_of(pid) for pid in pids)


def with_children(pid: int) -> list[int]:
    """The process and its children: PostgreSQL has one for every connection."""
    return [pid, *(int(text) for task in _tasks(pid) for text in _read(task / "children").split())]


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each name spent in between."""
    return {name: after[name] - before[name] for name in after}


def _of(pid: int) -> float:
    return sum(int(_read(task / "schedstat").split()[0] or 0) for task in _tasks(pid)) / 1e9


def _tasks(pid: int) -> list[Path]:
    try:
        return [task for task in (_PROC / str(pid) / "task").iterdir() if (task / "schedstat").exists()]
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii") or "0"
    except OSError:
        return "0"
