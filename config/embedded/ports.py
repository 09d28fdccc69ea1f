"""Free ports of the loopback address, remembered so that a restarted server is found where it was."""

import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def choose(record: Path) -> int:
    """The port of the last start if it is free, else any free one; written to `record`.

    Another process may take it before the server does: then the server does not start, and its next try chooses anew.
    """
    port = remembered(record)
    if not port or not _is_free(port):
        port = _any_free()
    record.write_text(f"{port}\n", encoding="ascii")
    return port


def remembered(record: Path) -> int:
    """The port of the last start; 0 if there was none."""
    text = record.read_text(encoding="ascii").strip() if record.exists() else ""
    return int(text) if text.isdecimal() else 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
