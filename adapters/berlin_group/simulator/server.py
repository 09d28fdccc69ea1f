"""Starts and stops the bank, and opens its books to checkers. Payers' commands stand in sca.py.

GET /_books       every payment really made: {"submissions": n, "payments": [...]}
POST /_faults     {"fault": "timeout_after", "kind": "authorise", "times": 1} strikes the next requests of that kind
DELETE /_faults   plans nothing
GET /_settings    what an admin would enter to reach it; the client's key is of the bank's own making
"""

import asyncio
import datetime as dt
import ssl
from dataclasses import asdict
from typing import Any

from aiohttp import web

from adapters.berlin_group.simulator.authorisations import Authorisation, Authorisations
from adapters.berlin_group.simulator.door.certificates import Trust, trust
from adapters.berlin_group.simulator.door.door import door
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.information.accounts import AccountDesk
from adapters.berlin_group.simulator.information.consents import ConsentDesk
from adapters.berlin_group.simulator.information.holdings import Holdings
from adapters.berlin_group.simulator.messages import error
from adapters.berlin_group.simulator.payments.authorisations import AuthorisationCounter
from adapters.berlin_group.simulator.payments.counter import PaymentCounter
from adapters.berlin_group.simulator.payments.lives import Lives
from adapters.berlin_group.simulator.sca import ScaDesk
from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault, StruckKind, struck_kind
from adapters.simulation.simulator import Booked, SimulatorOptions
from adapters.simulation.striking import AccountFaults
from adapters.simulation.watching import watching
from kernel.masked import Secret

_UNKNOWN_HERE = frozenset({Fault.RETURN, Fault.NOTIFY_FIRST, Fault.NOTIFY_TWICE, Fault.NOTIFY_FORGED})


class BerlinGroupSimulator:
    """A running bank."""

    # The standard has no status of a returned payment, and this bank sends no notifications.
    faults = frozenset(Fault) - _UNKNOWN_HERE

    def __init__(self, options: SimulatorOptions, habits: Habits, trusted: Trust) -> None:
        self._trusted = trusted
        self._options = options
        self._habits = habits
        self._lives = Lives(options.pace)
        self._authorisations = Authorisations()
        self._desk = ScaDesk(self._authorisations, habits, self._lives)
        self._payments = PaymentCounter(self._desk, habits, options.pace, self._lives)
        self._payers = AuthorisationCounter(self._payments, self._desk, self._authorisations, habits)
        self._consents = ConsentDesk(self._desk, self._authorisations, habits, self._lives)
        holdings = Holdings(self._payments.books, dt.datetime.now(dt.UTC).date())
        self._accounts = AccountDesk(self._consents, holdings, habits)
        self._runner: web.AppRunner | None = None
        self.settings = BankSettings(base_url="")

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._options.host, self._options.port, ssl_context=tls).start()
        port = self._runner.addresses[0][1]
        self.settings = settings_at(
            f"{'https' if tls else 'http'}://{self._options.host}:{port}", self._habits, self._trusted
        )

    def plan(self, fault: Fault, kind: StruckKind = OperationKind.AUTHORISE, times: int = 1) -> None:
        """Let the next requests of this kind meet the fault; to submit is, at this bank, to authorise."""
        self._payments.plan.add(fault, OperationKind.AUTHORISE if kind is OperationKind.SUBMIT else kind, times)

    def booked(self) -> tuple[Booked, ...]:
        """Every payment that a payer authorised."""
        return self._payments.books.booked()

    @property
    def initiations(self) -> int:
        """How many initiations were taken, authorised or not."""
        return self._payments.initiations

    @property
    def waiting(self) -> list[Authorisation]:
        """The authorisations that a payer can still decide."""
        return self._authorisations.waiting()

    def approve(self, *, approve: bool = True) -> list[str | None]:
        """Every payer who is waited for decides; where their browsers go."""
        return [each.decide(approve=approve) for each in self.waiting]

    def revoke_consents(self) -> None:
        """Every account holder takes their consent back at the bank."""
        self._consents.revoke()

    async def close(self) -> None:
        """Stop; what hangs ends now."""
        self._payments.misbehaviour.close()
        await self._lives.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[watching("berlin_group", "/v1/"), door(self._habits, self._trusted)])
        for part in (self._payments, self._payers, self._desk):
            app.add_routes(part.routes())
        app.add_routes(self._striking().over([*self._consents.routes(), *self._accounts.routes()]))
        app.router.add_get("/_books", self._show_books)
        app.router.add_get("/_settings", self._show_settings)
        app.router.add_post("/_faults", self._plan_fault)
        app.router.add_delete("/_faults", self._clear_faults)
        return app

    def _striking(self) -> AccountFaults:
        return AccountFaults(
            plan=self._payments.plan,
            misbehaviour=self._payments.misbehaviour,
            refusal=lambda _request: error(400, "FORMAT_ERROR"),
            named={"iban": "DE02100100100006820101"},
        )

    async def _show_books(self, _request: web.Request) -> web.Response:
        payments = [asdict(each) for each in self.booked()]
        return web.json_response({"submissions": self.initiations, "payments": payments})

    async def _show_settings(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.settings.to_json(), content_type="application/json")

    async def _plan_fault(self, request: web.Request) -> web.Response:
        try:
            wanted: dict[str, Any] = await request.json()
            kind = struck_kind(wanted.get("kind", "authorise"))
            self.plan(Fault(wanted["fault"]), kind, int(wanted.get("times", 1)))
        except (ValueError, KeyError, AttributeError):
            return web.json_response({"faults": sorted(self.faults)}, status=400)
        return web.Response(status=204)

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._payments.plan.clear()
        return web.Response(status=204)


def settings_at(base_url: str, habits: Habits, trusted: Trust) -> BankSettings:
    """What an admin would enter for a client of this bank."""
    options = {"signing_certificate": trusted.client.certificate_pem} if habits.wants_signatures else {}
    secrets = {"signing_key": Secret(trusted.client.key_pem)} if habits.wants_signatures else {}
    if habits.signs_answers:
        options["bank_signing_certificate"] = trusted.bank.certificate_pem
    if habits.exempts:
        options["executes_without_authorisation"] = "yes"
    if habits.takes_ipv6:
        options["payer_addresses"] = "ipv4_and_ipv6"
    if habits.decoupled:
        options["sca_preference"] = "decoupled"
    return BankSettings(base_url=base_url, secrets=secrets, options=options)


async def start_simulator(
    options: SimulatorOptions | None = None,
    habits: Habits | None = None,
    tls: ssl.SSLContext | None = None,
    trusted: Trust | None = None,
) -> BerlinGroupSimulator:
    """A listening bank. Its `settings` say how to reach it."""
    # Where there are no keys yet they are made, which takes seconds.
    keys = await asyncio.to_thread(trust) if trusted is None else trusted
    simulator = BerlinGroupSimulator(options or SimulatorOptions(), habits or Habits(), keys)
    await simulator.start(tls)
    return simulator
