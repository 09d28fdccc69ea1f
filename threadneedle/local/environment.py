"""What the roles are told on a developer's machine. Whatever the caller's own environment says wins."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Loopback is where the simulator and the sample merchant live; a fast schedule lets a person watch retries.
_LOCAL = {
    "THREADNEEDLE_WEBHOOKS__PRIVATE_DESTINATIONS": '["127.0.0.0/8", "::1/128"]',
    "THREADNEEDLE_WEBHOOKS__PLAIN_HTTP_ALLOWED": "true",
    "THREADNEEDLE_WEBHOOKS__RETRY_DELAYS_SECONDS": "[0, 1, 1, 5, 10, 30, 60, 300, 1800, 7200]",
    "THREADNEEDLE_WATCH__DISPATCHER_PORT": "0",
    "THREADNEEDLE_WATCH__WORKER_PORT": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the two APIs and the simulator listen."""

    gateway: int
    admin: int
    simulator: int


def choose_ports(gateway: int, admin: int) -> Ports:
    """The wanted ports where they are free, else others; 0 wants any. The simulator takes any."""
    return Ports(gateway=_free(gateway), admin=_free(admin), simulator=_free(0))


def local_environment(state: Path, urls: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """The variables for every role: the caller's own, completed."""
    ours = {
        **_LOCAL,
        "THREADNEEDLE_KEYS__FILE": str(state / "keys"),
        "THREADNEEDLE_GATEWAY__PUBLIC_URL": f"http://127.0.0.1:{ports.gateway}",
    }
    fixed = {
        "THREADNEEDLE_GATEWAY__PORT": str(ports.gateway),
        "THREADNEEDLE_GATEWAY__ADMIN_PORT": str(ports.admin),
    }
    return {**ours, **os.environ, **urls, **fixed}


def _free(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("this machine has no free port")
