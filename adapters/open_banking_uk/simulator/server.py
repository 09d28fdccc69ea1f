"""Starts and stops the bank, and opens its books to checkers.

GET /_books       every payment really made: {"submissions": n, "notified": n, "payments": [...]}
POST /_faults     {"fault": "timeout_after", "kind": "submit", "times": 1} strikes the next requests of that kind
DELETE /_faults   plans nothing
POST /_decisions  decides about a consent as a person would: see oauth/page.py
POST /_revocations {"consent_id": "aac-…"} ends the access to accounts as their holder does in the bank's own pages
PUT /_callback    {"url": "http://…"} sends event notifications there from now on
"""

import asyncio
import socket
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.open_banking_uk.simulator.accounts.counter import AccountsCounter
from adapters.open_banking_uk.simulator.answers import Refused
from adapters.open_banking_uk.simulator.credentials import Credentials, of_this_process
from adapters.open_banking_uk.simulator.door import Door
from adapters.open_banking_uk.simulator.notifier import Notifier
from adapters.open_banking_uk.simulator.oauth.page import AuthorisationPage, Consents
from adapters.open_banking_uk.simulator.oauth.proofs import Proofs
from adapters.open_banking_uk.simulator.oauth.token_endpoint import TokenEndpoint
from adapters.open_banking_uk.simulator.oauth.tokens import Tokens
from adapters.open_banking_uk.simulator.payments.asking import PaymentConsents
from adapters.open_banking_uk.simulator.payments.books import Books
from adapters.open_banking_uk.simulator.payments.counter import Counter
from adapters.open_banking_uk.simulator.payments.lives import Lives
from adapters.simulation.faults import Fault, FaultPlan, StruckKind, struck_kind
from adapters.simulation.misbehaviour import Misbehaviour
from adapters.simulation.simulator import Booked, SimulatorOptions
from adapters.simulation.striking import AccountFaults
from adapters.simulation.watching import watching

# The standard has no status "returned".
_CANNOT = frozenset({Fault.RETURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What kind of bank this is: its keys, how it signs, and the version and question that its settings speak of."""

    version: str = "4.0"
    unencoded: bool = False
    confirms_funds: bool = False
    credentials: Credentials = field(default_factory=of_this_process)


class OpenBankingUkSimulator:
    """A running Open Banking UK bank."""

    faults = frozenset(Fault) - _CANNOT

    def __init__(self, options: SimulatorOptions, character: Character) -> None:
        self._options = options
        self._character = character
        self._plan = FaultPlan()
        self._books = Books()
        self._tokens = Tokens()
        self._misbehaviour = Misbehaviour(options.pace)
        door = Door(character.credentials, self._tokens, unencoded=character.unencoded)
        self._door = door
        self._notifier = Notifier(options.callback_url, character.credentials)
        lives = Lives(options.pace, self._notifier.updated)
        self._counter = Counter(self._books, self._plan, lives, door, self._misbehaviour)
        self._accounts = AccountsCounter(door, self._tokens)
        self._runner: web.AppRunner | None = None
        self.settings = BankSettings(base_url="")

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        listening = socket.create_server((self._options.host, self._options.port))
        base_url = f"http://{self._options.host}:{listening.getsockname()[1]}"
        asked = {"confirm_funds": "yes"} if self._character.confirms_funds else {}
        self.settings = self._character.credentials.settings(base_url, self._character.version, **asked)
        self._notifier.issuer = base_url
        self._runner = web.AppRunner(self._app(base_url), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    def plan(self, fault: Fault, kind: StruckKind = OperationKind.SUBMIT, times: int = 1) -> None:
        """Let the next requests of this kind meet the fault."""
        self._plan.add(fault, kind, times)

    def booked(self) -> tuple[Booked, ...]:
        """Every payment in the books."""
        return tuple(payment.booked() for payment in self._books.payments.values())

    def notify_at(self, url: str | None) -> None:
        """Send event notifications there from now on."""
        self._notifier.courier.url = url

    async def close(self) -> None:
        """Stop; what hangs ends now."""
        self._misbehaviour.close()
        await self._counter.lives.close()
        await self._notifier.courier.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self, issuer: str) -> web.Application:
        app = web.Application(middlewares=[watching("open_banking_uk", "/open-banking/"), self._refusing])
        proofs = Proofs(self._character.credentials, issuer)
        accounts = self._accounts
        consents: dict[str, Consents] = {"payments": PaymentConsents(self._books), "accounts": accounts}
        page = AuthorisationPage(proofs, self._tokens, consents, issuer)
        tokens = TokenEndpoint(self._character.credentials, proofs, self._tokens, self._plan, self._misbehaviour)
        app.add_routes([*self._counter.routes(), *self._striking().over(accounts.routes())])
        app.router.add_post("/oauth/token", tokens.give)
        app.router.add_get("/oauth/authorize", page.show)
        app.router.add_post("/oauth/decisions", page.decide)
        app.router.add_post("/_decisions", page.decide_for_test)
        app.router.add_post("/_revocations", self._revoke)
        app.router.add_put("/_callback", self._set_callback)
        app.router.add_get("/_books", self._show_books)
        app.router.add_post("/_faults", self._plan_fault)
        app.router.add_delete("/_faults", self._clear_faults)
        return app

    def _striking(self) -> AccountFaults:
        return AccountFaults(
            plan=self._plan,
            misbehaviour=self._misbehaviour,
            refusal=lambda request: self._door.voice(request).refuses(Refused(400, "U002")),
            named={"AccountId": "another-account", "ConsentId": "another-consent"},
        )

    @web.middleware
    async def _refusing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refusals in the version's own words; what the interface has not is "not implemented" in it too."""
        try:
            return await handler(request)
        except Refused as refused:
            return self._door.voice(request).refuses(refused).response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as missing:
            return self._door.voice(request).refuses(Refused(missing.status)).response()

    async def _revoke(self, request: web.Request) -> web.Response:
        consent = self._accounts.take_back((await request.json()).get("consent_id"))
        if consent is None:
            return web.Response(status=404)
        self._counter.lives.spawn(self._notifier.revoked(consent))
        return web.Response(status=204)

    async def _set_callback(self, request: web.Request) -> web.Response:
        self.notify_at((await request.json()).get("url"))
        return web.Response(status=204)

    async def _show_books(self, _request: web.Request) -> web.Response:
        payments = [asdict(each) for each in self.booked()]
        counted = {"submissions": self._counter.submissions, "notified": self._notifier.courier.taken}
        return web.json_response({**counted, "payments": payments})

    async def _plan_fault(self, request: web.Request) -> web.Response:
        try:
            wanted: dict[str, Any] = await request.json()
            kind = struck_kind(wanted.get("kind", "submit"))
            self.plan(Fault(wanted["fault"]), kind, int(wanted.get("times", 1)))
        except (ValueError, KeyError, AttributeError):
            return web.json_response({"faults": sorted(self.faults)}, status=400)
        return web.Response(status=204)

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._plan.clear()
        return web.Response(status=204)


async def start_simulator(
    options: SimulatorOptions | None = None, character: Character | None = None
) -> OpenBankingUkSimulator:
    """A listening bank. Its `settings` say how to reach it."""
    # Where there are no keys yet they are made, which takes seconds.
    made = await asyncio.to_thread(Character) if character is None else character
    simulator = OpenBankingUkSimulator(options or SimulatorOptions(), made)
    await simulator.start()
    return simulator


async def start_older(options: SimulatorOptions) -> OpenBankingUkSimulator:
    """The same bank with settings of version 3.1.11, by which it is asked for funds as well."""
    older = await asyncio.to_thread(Character, version="3.1.11", confirms_funds=True)
    return await start_simulator(options, older)
