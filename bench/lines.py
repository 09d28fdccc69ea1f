"""Logs as JSON lines: appended with one system call each, so that a line is whole or not there."""

import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import orjson


class Lines:
    """Appends records, each with `mono` (seconds; all processes here share that clock) and `wall` (Unix time)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def write(self, **fields: Any) -> None:
        """Append one record; what the fields hold must be JSON."""
        record = {"mono": round(time.monotonic(), 6), "wall": round(time.time(), 6), **fields}
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(self._path, "a")
        self._file.write(orjson.dumps(record) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole record of a log, nothing for a file that does not exist; a torn last line is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield orjson.loads(line)
