"""The whole product on one machine: stores, simulated banks, roles; started in that order and stopped in reverse."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from config.keys import create_key_file
from config.loading import load_settings
from config.settings import Settings
from threadneedle.local.banks import LocalBank, local_banks, register
from threadneedle.local.environment import Ports, choose_ports, local_environment
from threadneedle.local.roles import NotReady, Role, Roles
from threadneedle.local.runfile import RunFile
from threadneedle.local.stores import Stores
from threadneedle.preparation import prepare_database, replace_admin_tokens

_READY_SECONDS_MAX = 60
_POLL_SECONDS = 0.05
_FILE_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is decided before the first process starts."""

    root: Path
    state: Path
    ports: Ports
    settings: Settings
    environment: dict[str, str]
    banks: tuple[LocalBank, ...]

    @property
    def gateway(self) -> str:
        """The API's URL."""
        return _url(self.ports.gateway)

    @property
    def admin(self) -> str:
        """The admin API's URL."""
        return _url(self.ports.admin)

    @property
    def simulator(self) -> str:
        """The sandbox bank's URL."""
        return self.banks[0].url


@contextlib.asynccontextmanager
async def local_stack(stores: Stores, state: Path, say: Callable[[str], object]) -> AsyncIterator[RunFile]:
    """Run everything, restarting what dies, until the block ends; `say` is told what a person should know.

    Raises NotReady, and what the stores raise.
    """
    async with contextlib.AsyncExitStack() as stack:
        urls = await stores.start()
        stack.push_async_callback(stores.stop)
        plan = _plan(state, urls)
        for holder in plan.ports.held:
            stack.enter_context(holder)
        await prepare_database(plan.settings)
        token = await replace_admin_tokens(plan.settings, "local")
        roles = Roles(plan.root, state / "log", plan.environment, say)
        stack.push_async_callback(roles.stop)
        processes = _roles(plan)
        for role in processes:
            roles.start(role)
        stack.callback(RunFile.remove, state)
        keepers = [asyncio.create_task(work) for work in (stores.keep(), *map(roles.keep, processes))]
        stack.push_async_callback(_cancel, keepers)
        await _wait_until_ready(plan, roles)
        await register(plan.admin, token, plan.banks)
        keepers.append(asyncio.create_task(_keep_file(plan, token, stores, roles)))
        yield _write(plan, token, stores, roles)


async def _keep_file(plan: Plan, token: str, stores: Stores, roles: Roles) -> None:
    """Process ids change whenever something is started again; the file follows."""
    written: RunFile | None = None
    while True:
        if written is None or written.pids != _pids(stores, roles):
            with contextlib.suppress(OSError):  # a full disk: the file says what it said before
                written = _write(plan, token, stores, roles)
        await asyncio.sleep(_FILE_SECONDS)


def _plan(state: Path, urls: dict[str, str]) -> Plan:
    wanted = load_settings({**os.environ, **urls}).gateway
    ports = choose_ports(wanted.port, wanted.admin_port)
    environment = local_environment(state, urls, ports)
    settings = load_settings(environment)
    with contextlib.suppress(FileExistsError):
        create_key_file(Path(settings.keys.file), datetime.now(UTC))
    return Plan(
        root=Path(__file__).resolve().parents[2],
        state=state,
        ports=ports,
        settings=settings,
        environment=environment,
        banks=local_banks(state, _url(ports.gateway), ports),
    )


def _roles(plan: Plan) -> list[Role]:
    gateways = plan.settings.gateway.processes
    names = ["gateway"] if gateways == 1 else [f"gateway-{number}" for number in range(1, gateways + 1)]
    roles = [("worker", "worker"), ("dispatcher", "dispatcher"), *((name, "gateway") for name in names)]
    ours = (Role(name=name, module="threadneedle", arguments=(verb,)) for name, verb in roles)
    return [*(bank.role for bank in plan.banks), *ours]


def _pids(stores: Stores, roles: Roles) -> dict[str, list[int]]:
    pids: dict[str, list[int]] = stores.pids()
    for name, pid in roles.pids().items():
        pids.setdefault(name.split("-")[0], []).append(pid)
    return pids


def _write(plan: Plan, token: str, stores: Stores, roles: Roles) -> RunFile:
    file = RunFile(
        gateway=plan.gateway,
        admin=plan.admin,
        admin_token=token,
        simulator=plan.simulator,
        uk_bank=plan.banks[1].url,
        eu_bank=plan.banks[2].url,
        watch={"dispatcher": _url(plan.ports.dispatcher), "worker": _url(plan.ports.worker)},
        database_url=plan.settings.database.url.reveal(),
        redis_url=plan.settings.redis.queue_url.reveal(),
        pids=_pids(stores, roles),
    )
    file.write(plan.state)
    return file


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def _wait_until_ready(plan: Plan, roles: Roles) -> None:
    """A role that dies meanwhile is started again like at any other time: a store may have been away for a moment."""
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS_MAX
    async with aiohttp.ClientSession() as session:
        for name in roles.pids():
            while not await _is_ready(session, plan, name):
                if asyncio.get_running_loop().time() > deadline:
                    raise NotReady(roles.failure(name))
                await asyncio.sleep(_POLL_SECONDS)


async def _is_ready(session: aiohttp.ClientSession, plan: Plan, name: str) -> bool:
    books = {bank.role.name: f"{bank.url}/_books" for bank in plan.banks}
    url = {"gateway": f"{plan.gateway}/readyz", **books}.get(name.split("-", maxsplit=1)[0])
    if url is None:
        return True
    try:
        async with session.get(url) as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
