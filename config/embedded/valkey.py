"""Valkey (or Redis) without persistence: the design rebuilds it from PostgreSQL, and an empty start proves it daily."""

import signal
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.embedded import ports
from config.embedded.process.account import Account
from config.embedded.process.child import Command
from config.embedded.server import Server, own_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyPlace:
    """Where this Valkey lives."""

    program: Path
    state: Path
    account: Account | None
    password: str


class Valkey(Server):
    """A Valkey on a free port of the loopback address, behind a password."""

    name = "Valkey"

    def __init__(self, place: ValkeyPlace) -> None:
        super().__init__()
        self._place = place
        self._port = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://:{self._place.password}@{ports.LOOPBACK}:{self._port}/0"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self._place.state / "valkey.log"

    async def prepare(self) -> None:
        """Its working folder; nothing is ever written there."""
        own_folder(self._folder, self._place.account)

    def command(self) -> Command:
        """The configuration goes through standard input, where no process list shows the password."""
        self._port = ports.choose(self._place.state / "valkey.port")
        return Command(
            arguments=[str(self._place.program), "-"],
            folder=self._folder,
            log=self.log,
            account=self._place.account,
            stop_signal=signal.SIGTERM,
            stdin=self._configuration(),
        )

    async def answers(self) -> bool:
        """True once it answers a PING."""
        client = Redis.from_url(self.url)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    @property
    def _folder(self) -> Path:
        return self._place.state / "valkey"

    def _configuration(self) -> bytes:
        lines = (
            f"bind {ports.LOOPBACK}",
            f"port {self._port}",
            f"requirepass {self._place.password}",
            'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            "daemonize no",
        )
        return "\n".join(lines).encode() + b"\n"
