"""Valkey (or Redis) without persistence: the design rebuilds it from PostgreSQL, and an empty start proves it daily."""

import signal
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.embedded import ports
from config.embedded.process.child import Command
from config.embedded.server import Place, Server


class Valkey(Server):
    """A Valkey on a free port of the loopback address, behind a password."""

    name = "Valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, place: Place, program: Path) -> None:
        super().__init__(place)
        self._program = program

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://:{self.place.password}@{ports.LOOPBACK}:{self.port}/0"

    @property
    def mark(self) -> str:
        """Where it listens, which it writes into its own command line."""
        return f"{ports.LOOPBACK}:{self.port}"

    def command(self) -> Command:
        """The configuration goes through standard input, where no process list shows the password."""
        return Command(
            arguments=[str(self._program), "-"],
            folder=self.place.state,
            log=self.log,
            account=self.place.account,
            stop_signal=self.stop_signal,
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

    def _configuration(self) -> bytes:
        lines = (
            f"bind {ports.LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.place.password}",
            'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            "daemonize no",
        )
        return "\n".join(lines).encode() + b"\n"
