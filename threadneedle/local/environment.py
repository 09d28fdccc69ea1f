"""What the roles are told on a developer's machine. Whatever the caller's own environment says wins."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_HOST = "127.0.0.1"
# Loopback is where the simulator and the sample merchant live; a fast schedule lets a person watch retries.
_LOCAL = {
    "THREADNEEDLE_WEBHOOKS__PRIVATE_DESTINATIONS": '["127.0.0.0/8", "::1/128"]',
    "THREADNEEDLE_WEBHOOKS__PLAIN_HTTP_ALLOWED": "true",
    "THREADNEEDLE_WEBHOOKS__RETRY_DELAYS_SECONDS": "[0, 1, 1, 5, 10, 30, 60, 300, 1800, 7200]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the two APIs and the simulated banks listen.

    `held` keeps the gateway's ports from everybody else while roles come and go: the sockets are bound and never
    listen, and only one that shares its port on purpose, as the gateway's do, may be bound beside them.
    """

    gateway: int
    admin: int
    simulator: int
    uk_bank: int
    eu_bank: int
    dispatcher: int
    worker: int
    held: tuple[socket.socket, ...] = field(repr=False)


def choose_ports(gateway: int, admin: int) -> Ports:
    """The wanted ports where they are free, else others; 0 wants any. The banks take any."""
    held = (_hold(gateway), _hold(admin))
    simulator, uk_bank, eu_bank, dispatcher, worker = (_free() for _ in range(5))
    return Ports(
        gateway=_port_of(held[0]),
        admin=_port_of(held[1]),
        simulator=simulator,
        uk_bank=uk_bank,
        eu_bank=eu_bank,
        dispatcher=dispatcher,
        worker=worker,
        held=held,
    )


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
        "THREADNEEDLE_WATCH__DISPATCHER_PORT": str(ports.dispatcher),
        "THREADNEEDLE_WATCH__WORKER_PORT": str(ports.worker),
    }
    return {**ours, **os.environ, **urls, **fixed}


def _hold(wanted: int) -> socket.socket:
    """A socket bound to the wanted port or a free one. Sharing is allowed only after it had the port to itself."""
    for port in (wanted, 0):
        holder = socket.socket()
        try:
            holder.bind((_HOST, port))
        except OSError:
            holder.close()
            continue
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return holder
    raise OSError("this machine has no free port")


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return _port_of(probe)


def _port_of(holder: socket.socket) -> int:
    return int(holder.getsockname()[1])
