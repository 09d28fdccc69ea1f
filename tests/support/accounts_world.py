"""The accounts room on a real database, beside a payments room of the same partner, with an account bank."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from accounts.calls.returning import Return
from accounts.calls.sweeper import ConsentSweeper
from accounts.consents.sealed import ConsentTerms, terms_context
from accounts.consents.states import ConsentState
from accounts.model import Asked, ConsentRequest, Requester, RequestKey, Returned
from accounts.policy import AccountsPolicy
from accounts.service import Accounts
from accounts.tools import Tools
from accounts.view import ConsentView
from adapters.contract import Payer
from adapters.declaration import Declaration
from kernel.ids import Tenant
from kernel.masked import Masked, Secret
from kernel.sealing import Vault
from tests.support.account_bank import ASKED, CODES, AccountBank, AccountScript
from tests.support.clock import FakeClock
from tests.support.dying import DyingPool
from tests.support.payments_world import World, make_world

ACCOUNTS = [
    {"id": "A-1", "currency": "GBP", "iban": "GB82WEST12345698765432", "name": "Robin Example"},
    {"id": "A-2", "currency": "EUR", "iban": "GB94BARC10201530093459", "name": "Robin Example"},
]


@dataclass(slots=True, kw_only=True)
class AccountsWorld:
    """Everything that a test of accounts touches."""

    payments: World
    tools: Tools
    bank: AccountBank
    accounts: Accounts
    sweeper: ConsentSweeper

    @property
    def tenant(self) -> Tenant:
        return self.payments.tenant

    @property
    def merchant_id(self) -> UUID:
        return self.payments.merchant_id

    @property
    def clock(self) -> FakeClock:
        return self.payments.clock

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        return self.payments.pool

    @property
    def caller(self) -> Requester:
        return Requester(tenant=self.tenant, client_id=self.payments.client_id, request_id="request-1")

    def request(self, **changes: Any) -> ConsentRequest:
        fields: dict[str, Any] = {
            "merchant_id": self.merchant_id,
            "bank_id": self.payments.bank.id,
            "valid_until": self.clock.now() + timedelta(days=90),
            "return_url": Masked("https://shop.example.com/linked"),
            "payer": Payer(),
        }
        return ConsentRequest(**{**fields, **changes})

    async def ask(self, key: str | None = None, **changes: Any) -> Asked:
        """A new consent, or that of the key."""
        return await self.accounts.ask_consent(
            self.caller, self.request(**changes), RequestKey(key or secrets.token_hex(8))
        )

    async def view(self, consent_id: UUID) -> ConsentView:
        return await self.accounts.consent(self.tenant, consent_id)

    async def status(self, consent_id: UUID) -> ConsentState:
        return (await self.view(consent_id)).status

    async def at_bank(self, consent_id: UUID) -> str:
        """The bank's own id of a consent."""
        found: str = await self.pool.fetchval("SELECT bank_consent_id FROM account_consents WHERE id = $1", consent_id)
        return found

    async def state_of(self, consent_id: UUID) -> Secret:
        """What the holder's browser will bring back, as the bank sees it in the URL."""
        row = await self.pool.fetchrow(
            "SELECT partner_id, sealed_terms FROM account_consents WHERE id = $1", consent_id
        )
        assert row is not None
        opened = await self.tools.vault.open(row["partner_id"], row["sealed_terms"], terms_context(consent_id))
        return ConsentTerms.from_json(opened).handshake.state

    async def come_back(self, consent_id: UUID, code: str | None = None, *, refused: bool = False) -> Returned | None:
        """The holder's browser comes back."""
        brought = Return(
            state=await self.state_of(consent_id), code=None if code is None else Secret(code), refused=refused
        )
        return await self.accounts.returned(self.payments.bank.id, brought)

    async def authorised(self) -> UUID:
        """A consent that its holder has authorised."""
        consent_id = (await self.ask()).consent.id
        code = self.bank.authorise(await self.at_bank(consent_id))
        await self.come_back(consent_id, code if self.bank.codes else None)
        assert await self.status(consent_id) is ConsentState.AUTHORISED
        return consent_id

    async def sweep(self, seconds: float = 0) -> int:
        """Let time pass, sweep once, and wait for what that began."""
        self.clock.advance(seconds)
        begun = await self.sweeper.run_once()
        await self.sweeper.settle()
        return begun

    async def settled(self, consent_id: UUID, rounds: int = 40, seconds: float = 30) -> ConsentState:
        """Sweep until nothing is due any more."""
        for _ in range(rounds):
            await self.sweep(seconds)
        return await self.status(consent_id)

    async def event_types(self) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT type FROM events WHERE partner_id = $1 AND type LIKE 'consent.%' ORDER BY xid, id",
            self.tenant.partner_id,
        )
        return [row["type"] for row in rows]


async def make_accounts_world(
    pool: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    clock: FakeClock,
    *,
    codes: bool = True,
    declaration: Declaration | None = None,
    policy: AccountsPolicy | None = None,
) -> AccountsWorld:
    """A world of its own partner."""
    bank = AccountBank(codes=codes, accounts=[dict(each) for each in ACCOUNTS])
    declared = declaration or (CODES if codes else ASKED)
    payments = await make_world(pool, vault, clock, declaration=declared)
    return another_process(payments, bank, policy or AccountsPolicy(return_wait_seconds=5, ask_wait_seconds=5))


def another_process(payments: World, bank: AccountBank, policy: AccountsPolicy) -> AccountsWorld:
    """A process for this partner and bank, with nothing in its memory."""
    tools = payments.tools
    own = Tools(
        pool=tools.pool,
        vault=tools.vault,
        banks=tools.banks,
        readers={payments.bank.id: AccountScript()},
        engine=bank,
        events=tools.events,
        enqueuer=tools.enqueuer,
        clock=tools.clock,
        policy=policy,
        callback_base="https://gateway.example.com",
    )
    return AccountsWorld(payments=payments, tools=own, bank=bank, accounts=Accounts(own), sweeper=ConsentSweeper(own))


def restarted(world: AccountsWorld) -> AccountsWorld:
    """The same after its process died."""
    return another_process(world.payments, world.bank, world.tools.policy)


def dying(world: AccountsWorld, at: int) -> tuple[AccountsWorld, DyingPool]:
    """A process beside it that dies before its statement number `at`."""
    pool = DyingPool(world.pool, at)
    tools = replace(world.tools, pool=pool)  # type: ignore[arg-type]
    return replace(world, tools=tools, accounts=Accounts(tools), sweeper=ConsentSweeper(tools)), pool


async def gathered(*calls: Any) -> list[Any]:
    """All at once; what was raised stands in the place of an answer."""
    return await asyncio.gather(*calls, return_exceptions=True)
