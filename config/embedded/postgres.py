"""PostgreSQL as a child: made once, with checksums, and started on a free port of the loopback address.

Never through pg_ctl: that detaches it, and then someone else waits for a killed server, or nobody.
"""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from config.embedded import ports
from config.embedded.binaries import major_version
from config.embedded.process.child import Child, Command, ServerFailed
from config.embedded.server import Place, Server

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


class Postgres(Server):
    """A PostgreSQL with one role and one database, both named threadneedle."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": open transactions end, clients are sent away, a checkpoint is written

    def __init__(self, place: Place, programs: Path, *, durable: bool = True) -> None:
        """`programs` holds postgres and initdb. Not durable is without fsync, for tests that throw everything away."""
        super().__init__(place)
        self._programs = programs
        self._durable = durable

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"postgresql://{ROLE}:{self.place.password}@{ports.LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def mark(self) -> str:
        """Its data folder, which no two servers share."""
        return f"-D {self._data}"

    async def prepare(self) -> None:
        """Make the data folder if there is none. Raises ServerFailed for one of another major version."""
        if not self._data.exists():
            await self._initialise()
        made_by, found = (self._data / "PG_VERSION").read_text(encoding="ascii").strip(), major_version(self._programs)
        if made_by != str(found):
            raise ServerFailed(
                f"{self._data} was made by PostgreSQL {made_by}, found is {found}: `make clean` removes it"
            )

    def command(self) -> Command:
        """How to start it on its port."""
        options = _OPTIONS | {"port": str(self.port)} | ({} if self._durable else {"fsync": "off"})
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
            port=self.port,
            user=ROLE,
            password=self.place.password,
            database="postgres",
            timeout=_CONNECT_SECONDS_MAX,
        )

    @property
    def _data(self) -> Path:
        return self.file("data")

    async def _initialise(self) -> None:
        """Run initdb beside the final place, then rename: a killed initdb leaves nothing that looks finished."""
        shutil.rmtree(self.file("unfinished"), ignore_errors=True)
        unfinished = self.own_folder("unfinished")
        with self._password_file() as password_file:
            initdb = Child(self._command("initdb", f"--pgdata={unfinished}", f"--pwfile={password_file}", *_INITDB))
            if await initdb.ended() != 0:
                raise initdb.failure("PostgreSQL's data folder was not made")
        unfinished.rename(self._data)

    @contextmanager
    def _password_file(self) -> Iterator[Path]:
        """The password where only initdb's account can read it, and only while initdb runs."""
        path = self.file("password")
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(self.place.password, encoding="ascii")
        self.give(path)
        try:
            yield path
        finally:
            path.unlink()

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(
            arguments=[str(self._programs / program), *arguments],
            folder=self.place.state,
            log=self.log,
            account=self.place.account,
            stop_signal=self.stop_signal,
        )
