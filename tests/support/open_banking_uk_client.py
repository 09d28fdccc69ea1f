"""A client of the simulated Open Banking UK bank that can also do what our engine never would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp

from adapters.contract import Bank, Evidence, Handshake, Instruction
from adapters.declaration import OperationKind
from adapters.engine.credentials.assertions import Assertions
from adapters.open_banking_uk.mapping import adapter
from adapters.open_banking_uk.simulator.server import Character, OpenBankingUkSimulator, start_simulator
from adapters.signing import Signable, profiles
from adapters.simulation.simulator import Pace, SimulatorOptions
from adapters.simulation.watching import WATCHERS, Seen
from adapters.wire import Credential, Host, WireReply, WireRequest
from kernel.ids import Environment
from kernel.masked import Secret
from tests.support.judging import problems_of
from tests.support.open_banking_uk import handshake, instruction, payments_api

UK = adapter()
SIGNATURES = profiles()["detached_jws"]
PACE = Pace(settle_seconds=0.05, complete_seconds=0.05, pending_seconds=0.05)


@dataclass(slots=True, kw_only=True)
class Client:
    """Talks to one running bank. `problems` is what the official files find wrong with its answers and our requests."""

    simulator: OpenBankingUkSimulator
    session: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)
    payer_token: str = ""
    problems: list[str] = field(default_factory=list)
    seen: int = 0

    @property
    def bank(self) -> Bank:
        """The bank as it is configured with us."""
        settings = self.simulator.settings
        return Bank(id="uk", adapter="open_banking_uk", environment=Environment.TEST, settings=settings)

    def instruction(self, **changes: Any) -> Instruction:
        """A payment at this bank, at the beginning of its journey."""
        begun = instruction(settings=self.simulator.settings, consent_id=None, handshake=handshake())
        return replace(begun, **changes)

    async def send(self, request: WireRequest, **changes: Any) -> WireReply:
        """Send as the engine would; `changes` to headers (None takes one out), body or path come after signing."""
        headers = dict(request.headers) | {name: str(uuid4()) for name in request.fresh}
        headers |= await self._credential(request)
        if request.signed:
            signable = Signable(method=request.method, path=request.path, headers={}, body=request.body)
            headers |= SIGNATURES.headers(signable, self.bank.settings, datetime.now(UTC))
        headers |= changes.get("headers", {})
        body = changes.get("body", request.body)
        if request.credential is Credential.CLIENT:
            body += b"&" + Assertions().form(self.bank, datetime.now(UTC)).encode()
        return await self._exchange(request, changes.get("path", request.path), headers, body)

    async def perform(self, kind: OperationKind, told: Instruction, **changes: Any) -> tuple[WireReply, Evidence]:
        """One operation and what its answer proves."""
        reply = await self.send(UK.build(kind, told), **changes)
        return reply, UK.parse(kind, reply)

    async def consented(self, **changes: Any) -> Instruction:
        """A payment whose payer approved and came back; the payer's access is kept here."""
        told = self.instruction(**changes)
        _, made = await self.perform(OperationKind.CONSENT, told)
        told = replace(told, consent_id=made.consent_id)
        told = await self.returned(told)
        _, exchanged = await self.perform(OperationKind.AUTHORISE, told)
        assert exchanged.grant is not None
        self.payer_token = exchanged.grant.access_token.reveal()
        return told

    async def returned(self, told: Instruction, decision: str = "approve") -> Instruction:
        """The instruction after its payer decided."""
        back = await self.decide(UK.authorisation_url(told, datetime.now(UTC)), decision)
        shake: Handshake = told.handshake or handshake()
        return replace(told, handshake=replace(shake, code=Secret(back["code"]) if "code" in back else None))

    async def decide(self, url: str, decision: str = "approve") -> dict[str, str]:
        """What the payer's browser brings back."""
        wanted = {"url": url, "decision": decision}
        async with self.session.post(f"{self.bank.settings.base_url}/_decisions", json=wanted) as reply:
            told = await reply.json()
        query = parse_qs(urlsplit(told.get("redirect_to", "")).query)
        return {name: each[0] for name, each in query.items()} | ({"error": told["error"]} if "error" in told else {})

    def watch(self, seen: Seen) -> None:
        """Let the official file of the version judge both sides of an exchange."""
        self.seen += 1
        self.problems += problems_of(seen, may_be_refused=True)

    async def _credential(self, request: WireRequest) -> dict[str, str]:
        if request.credential is Credential.CLIENT:
            return {}
        if request.credential is Credential.PAYER:
            return {"Authorization": f"Bearer {self.payer_token}"}
        if request.scope not in self.tokens:
            self.tokens[request.scope] = await self._client_token(request.scope)
        return {"Authorization": f"Bearer {self.tokens[request.scope]}"}

    async def _client_token(self, scope: str) -> str:
        form = f"grant_type=client_credentials&scope={scope}&{Assertions().form(self.bank, datetime.now(UTC))}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = self.bank.settings.options["token_url"]
        async with self.session.post(url, data=form, headers=headers) as reply:
            return str((await reply.json())["access_token"])

    async def _exchange(self, request: WireRequest, path: str, headers: dict[str, Any], body: bytes) -> WireReply:
        settings = self.bank.settings
        url = settings.options["token_url"] if request.host is Host.TOKEN else settings.base_url + path
        sent = {name: value for name, value in headers.items() if value is not None}
        async with self.session.request(request.method, url, data=body or None, headers=sent) as reply:
            told = {name.lower(): value for name, value in reply.headers.items()}
            return WireReply(status=reply.status, headers=told, body=await reply.read())


@asynccontextmanager
async def client(version: str = "4.0", *, unencoded: bool = False, judged: bool = True) -> AsyncIterator[Client]:
    """A bank that just began, and a client of it; the official files judge every exchange, where they are there."""
    if judged:
        payments_api(version)
    character = Character(version=version, unencoded=unencoded)
    simulator = await start_simulator(SimulatorOptions(pace=PACE), character)
    async with aiohttp.ClientSession() as session:
        caller = Client(simulator=simulator, session=session)
        if judged:
            WATCHERS.append(caller.watch)
        try:
            yield caller
        finally:
            if judged:
                WATCHERS.remove(caller.watch)
            await simulator.close()
