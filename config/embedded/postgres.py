"""PostgreSQL as a child: made once, with checksums, and started on a free port of the loopback address.

Never through pg_ctl: that detaches it, and then someone else waits for a killed server, or nobody.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from config.embedded import ports
from config.embedded.binaries import major_version
from config.embedded.process.account import Account
from config.embedded.process.child import Child, Command, ServerFailed
from config.embedded.server import Server, own_folder

ROLE = DATABASE = "threadneedle"
_CONNECT_SECONDS_MAX = 2
_INITDB = (
    f"--username={ROLE}",
    "--auth=scram-sha-256",
    "--data-checksums",
    "--encoding=UTF8",
    "--locale=C",
)
_OPTIONS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # a socket's path has 107 bytes at most, a checkout's may have more
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "cluster_name": "threadneedle",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresPlace:
    """Where this PostgreSQL lives. `durable` false gives up fsync, for tests that throw everything away."""

    programs: Path
    state: Path
    account: Account | None
    password: str
    durable: bool = True


class Postgres(Server):
    """A PostgreSQL with one role and one database, both named threadneedle."""

    name = "PostgreSQL"

    def __init__(self, place: PostgresPlace) -> None:
        super().__init__()
        self._place = place
        self._port = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"postgresql://{ROLE}:{self._place.password}@{ports.LOOPBACK}:{self._port}/{DATABASE}"

    @property
    def log(self) -> Path:
        """What initdb and the server said."""
        return self._place.state / "postgres.log"

    async def prepare(self) -> None:
        """Make the data folder if there is none. Raises ServerFailed for one of another major version."""
        if not self._data.exists():
            await self._initialise()
        self._refuse_other_version()

    def command(self) -> Command:
        """How to start it on a free port."""
        self._port = ports.choose(self._place.state / "postgres.port")
        options = _OPTIONS | {"port": str(self._port)} | ({} if self._place.durable else {"fsync": "off"})
        settings = [f"--{name}={value}" for name, value in options.items()]
        return self._command("postgres", "-D", str(self._data), *settings)

    async def answers(self) -> bool:
        """True once a client can log in and the database stands."""
        try:
            connection = await self._connect()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        try:
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()
        return True

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=ports.LOOPBACK,
            port=self._port,
            user=ROLE,
            password=self._place.password,
            database="postgres",
            timeout=_CONNECT_SECONDS_MAX,
        )

    @property
    def _data(self) -> Path:
        return self._place.state / "postgres"

    async def _initialise(self) -> None:
        """Run initdb beside the final place, then rename: a killed initdb leaves nothing that looks finished."""
        unfinished = self._place.state / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        own_folder(unfinished, self._place.account)
        with self._password_file() as password_file:
            initdb = Child(self._command("initdb", f"--pgdata={unfinished}", f"--pwfile={password_file}", *_INITDB))
            if await initdb.ended() != 0:
                raise self._failure("could not be made: initdb failed")
        unfinished.rename(self._data)

    @contextmanager
    def _password_file(self) -> Iterator[Path]:
        """The password where only initdb's account can read it, and only while initdb runs."""
        path = self._place.state / "postgres.password"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(self._place.password, encoding="ascii")
        if self._place.account is not None:
            os.chown(path, self._place.account.uid, self._place.account.gid)
        try:
            yield path
        finally:
            path.unlink()

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(
            arguments=[str(self._place.programs / program), *arguments],
            folder=self._place.state,
            log=self.log,
            account=self._place.account,
            stop_signal=signal.SIGINT,  # "fast": open transactions end, clients are sent away, a checkpoint is written
        )

    def _refuse_other_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        found = major_version(self._place.programs)
        if made_by != str(found):
            raise ServerFailed(
                f"{self._data} was made by PostgreSQL {made_by}, and {found} was found: `make clean` removes it"
            )
