"""Starts and stops the sandbox bank, and opens its books to checkers.

GET /_books       every payment really made: {"submissions": n, "payments": [...]}
POST /_faults     {"fault": "timeout_after", "kind": "submit", "times": 1} strikes the next requests of that kind
DELETE /_faults   plans nothing
PUT /_callback    {"url": "http://…"} sends notifications there from now on
"""

import secrets as randomness
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.sandbox.simulator.books import Books
from adapters.sandbox.simulator.counter import Counter, authentication
from adapters.sandbox.simulator.lives import Notifier
from adapters.simulation.faults import Fault, FaultPlan
from adapters.simulation.simulator import Booked, SimulatorOptions
from kernel.masked import Secret


class SandboxSimulator:
    """A running sandbox bank."""

    faults = frozenset(Fault)

    def __init__(self, options: SimulatorOptions, secrets: Mapping[str, Secret]) -> None:
        self._options = options
        self._secrets = secrets
        self._books = Books()
        self._plan = FaultPlan()
        self._notifier = Notifier(options.callback_url, secrets["notification_secret"])
        self._counter = Counter(self._books, self._plan, options.pace, self._notifier)
        self._runner: web.AppRunner | None = None
        self.settings = BankSettings(base_url="", secrets=secrets)

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._options.host, self._options.port).start()
        port = self._runner.addresses[0][1]
        self.settings = BankSettings(base_url=f"http://{self._options.host}:{port}", secrets=self._secrets)

    def plan(self, fault: Fault, kind: OperationKind = OperationKind.SUBMIT, times: int = 1) -> None:
        """Let the next requests of this kind meet the fault."""
        self._plan.add(fault, kind, times)

    def booked(self) -> tuple[Booked, ...]:
        """Every payment in the books."""
        return tuple(payment.booked() for payment in self._books.payments.values())

    def notify_at(self, url: str | None) -> None:
        """Send notifications there from now on."""
        self._notifier.courier.url = url

    async def close(self) -> None:
        """Stop; what hangs ends now."""
        self._counter.misbehaviour.close()
        await self._counter.lives.close()
        await self._notifier.courier.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[authentication(self._secrets["token"])])
        app.add_routes(self._counter.routes())
        app.router.add_get("/_books", self._show_books)
        app.router.add_post("/_faults", self._plan_fault)
        app.router.add_delete("/_faults", self._clear_faults)
        app.router.add_put("/_callback", self._set_callback)
        return app

    async def _show_books(self, _request: web.Request) -> web.Response:
        booked = self._books.payments.values()
        payments = [{**asdict(each.booked()), "reference": each.order.reference} for each in booked]
        return web.json_response({"submissions": self._counter.submissions, "payments": payments})

    async def _plan_fault(self, request: web.Request) -> web.Response:
        try:
            wanted: dict[str, Any] = await request.json()
            kind = OperationKind(wanted.get("kind", "submit"))
            self.plan(Fault(wanted["fault"]), kind, int(wanted.get("times", 1)))
        except (ValueError, KeyError, AttributeError):
            return web.json_response({"faults": sorted(Fault)}, status=400)
        return web.Response(status=204)

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._plan.clear()
        return web.Response(status=204)

    async def _set_callback(self, request: web.Request) -> web.Response:
        self.notify_at((await request.json()).get("url"))
        return web.Response(status=204)


async def start_simulator(
    options: SimulatorOptions | None = None, secrets: Mapping[str, Secret] | None = None
) -> SandboxSimulator:
    """A listening sandbox bank; without `secrets` it makes new ones. Its `settings` say how to reach it."""
    simulator = SandboxSimulator(options or SimulatorOptions(), secrets or new_secrets())
    await simulator.start()
    return simulator


def new_secrets() -> dict[str, Secret]:
    """Fresh values of the bank's two secrets."""
    return {name: Secret(randomness.token_urlsafe(24)) for name in ("token", "notification_secret")}
