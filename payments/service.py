"""The room's front door: what the gateway calls on behalf of partners."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.declaration import ISSUER_IN_RETURN, IssuerInReturn
from adapters.exchanges.history import KeptExchange
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Environment, Tenant
from payments.banks import ConfiguredBank
from payments.banks.health import Health, read_health
from payments.calls.advance import Advancer
from payments.calls.runner import CallRunner
from payments.cancelling.cancel import Canceller
from payments.carrying.carried import Asker
from payments.exchanges.history import PaymentExchanges
from payments.intents import request_keys
from payments.intents.drafting import Draft, draft
from payments.intents.rehearsal import Rehearsal
from payments.intents.request_keys import ACCEPTED_FOR_NOW, CREATED, Bound, KeyedRequest
from payments.intents.write import Committed, IntentWriter
from payments.journeys.returning import Arrival, Brought, PayerReturns
from payments.model import Created, Page, PaymentRequest, Requester, RequestKey
from payments.reading.reader import Filter, Reader, timeline
from payments.recovery.plan import may_lease_at_once
from payments.routing.drafting import BankChooser
from payments.rows import PaymentRef
from payments.states.names import UNSENT_STATUSES, PaymentStatus
from payments.terms import fingerprint
from payments.tools import Tools
from payments.view import PaymentView

# A slip in a date is likelier than an instruction for the next decade.
_AHEAD_MAX = timedelta(days=366)
# What a commit may take that is under way when a caller's wait ends.
_PROMISE_SECONDS = 10.0
# No bank's word has come yet.
_WAITING = UNSENT_STATUSES | {PaymentStatus.SUBMITTING, PaymentStatus.OUTCOME_UNKNOWN}


class Payments:
    """Creates, reads and withdraws payments. One per process; `drain` before the process ends."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._intents = IntentWriter(tools)
        self._advancer = Advancer(tools)
        self._runner = CallRunner(self._advancer.advance, tools.policy.waiting_per_bank_max)
        self._canceller = Canceller(tools, self._runner)
        self._returns = PayerReturns(tools, self._runner)
        self._reader = Reader(tools)
        self._exchanges = PaymentExchanges(tools)
        self._chooser = BankChooser(tools)

    async def create(
        self, caller: Requester, request: PaymentRequest, key: RequestKey, wait_seconds: float = 10.0
    ) -> Created:
        """Commit the intent, begin the bank call, and wait for its answer at most so long.

        Raises Invalid with every wrong field, Conflict (`idempotency_key_reused`, `daily_cap_reached`). The key is
        bound by the intent's commit only: after an error the same key may come with a corrected request.
        """
        keyed = KeyedRequest(tenant=caller.tenant, key_digest=key.digest, fingerprint=fingerprint(request))
        try:
            drafted = await self._draft(caller, request)
        except Invalid:
            # What was valid when the key was bound stays answered, also when a bank's rules have changed since.
            if (bound := await request_keys.find(self._tools.pool, keyed)) is None:
                raise
            return await self._repeat(caller.tenant, bound, wait_seconds)
        asker = Asker(keyed=keyed)
        committed = await self._commit(drafted, asker)
        if isinstance(committed, Bound):
            return await self._repeat(caller.tenant, committed, wait_seconds)
        return await self._answer(asker, committed, wait_seconds)

    async def rehearse(self, caller: Requester, request: PaymentRequest) -> Rehearsal:
        """What `create` would begin and the bank would get; nothing is written or sent. Raises as `create`."""
        return await self._intents.rehearse(await self._draft(caller, request))

    async def find_repeat(self, caller: Requester, request: PaymentRequest, key: RequestKey) -> Created | None:
        """The answer to a known key, without creating anything: for when money-moving calls are closed."""
        keyed = KeyedRequest(tenant=caller.tenant, key_digest=key.digest, fingerprint=fingerprint(request))
        bound = await request_keys.find(self._tools.pool, keyed)
        return None if bound is None else await self._repeat(caller.tenant, bound, 0)

    async def get(self, caller: Requester, payment_id: UUID) -> PaymentView:
        """Raises NotFound."""
        return await self._reader.get(caller.tenant, payment_id)

    async def list(self, caller: Requester, wanted: Filter) -> Page:
        """One page, newest first."""
        return await self._reader.page(caller.tenant, wanted)

    async def timeline(self, caller: Requester, payment_id: UUID) -> Sequence[dict[str, Any]]:
        """What happened to the payment, oldest first. Raises NotFound."""
        return await timeline(self._tools, caller.tenant, payment_id)

    async def exchanges(
        self, environment: Environment, payment_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[KeptExchange]:
        """For admins. Raises as payments.exchanges.history.PaymentExchanges.of."""
        return await self._exchanges.of(environment, payment_id, after, limit)

    async def cancel(self, caller: Requester, payment_id: UUID, wait_seconds: float = 10.0) -> PaymentView:
        """Withdraw a payment; its status says whether that is done or the bank's answer is still awaited.

        Raises NotFound, Conflict `not_cancellable`, Unavailable where the bank could not be reached.
        """
        await self._reader.get(caller.tenant, payment_id)
        ref = PaymentRef(partner_id=caller.tenant.partner_id, payment_id=payment_id)
        await self._canceller.cancel(ref, wait_seconds)
        return await self._reader.get(caller.tenant, payment_id)

    async def returned(self, bank_id: str, brought: Brought) -> Arrival | None:
        """A payer came back from a bank; None for a state that no payment sent out there."""
        return await self._returns.take(bank_id, brought)

    async def is_issuer(self, bank_id: str, issuer: str | None) -> bool:
        """Whether who names this issuer, or none, may speak for the bank (RFC 9207 §2.4). Raises NotFound."""
        options = (await self._tools.banks.get(bank_id)).bank.settings.options
        if issuer is None:
            return "issuer" not in options or options.get(ISSUER_IN_RETURN) != IssuerInReturn.REQUIRED
        return options.get("issuer", issuer) == issuer

    async def banks(self, environment: Environment) -> Sequence[ConfiguredBank]:
        """The banks of an environment."""
        return await self._tools.banks.all(environment)

    async def bank(self, environment: Environment, bank_id: str) -> ConfiguredBank:
        """One bank. Raises NotFound for one of the other environment too."""
        found = await self._tools.banks.get(bank_id)
        if found.bank.environment is not environment:
            raise NotFound
        return found

    async def bank_health(self) -> Mapping[str, Health]:
        """How banks fare, by their ids (payments/banks/health.py)."""
        return await read_health(self._tools.pool)

    @property
    def waiting(self) -> int:
        """How many callers wait for a bank at the moment."""
        return self._runner.waiting

    async def drain(self) -> None:
        """Begin no more calls and wait for those under way."""
        await self._runner.drain()

    async def _draft(self, caller: Requester, request: PaymentRequest) -> Draft:
        now = self._tools.clock.now()
        errors = time_errors(request.execute_at, now)
        if request.bank_id is None:
            if errors:
                raise Invalid(errors)
            return await self._chooser.draft(caller, request, now)
        try:
            bank = await self.bank(caller.tenant.environment, request.bank_id)
        except NotFound:
            missing = FieldError(pointer="/bank_id", code="not_found", message="there is no such bank")
            raise Invalid([*errors, missing]) from None
        if errors:
            raise Invalid(errors)
        return draft(caller, request, bank, now, self._tools.policy.redirect_uri(bank.bank.id))

    async def _commit(self, drafted: Draft, asker: Asker) -> Committed | Bound:
        """Commit the intent, and begin the call where it can begin."""
        facts, bank = drafted.facts, drafted.bank

        async def write() -> Committed | Bound:
            return await self._intents.write(drafted, asker.keyed, leased=True)

        async def carry(committed: Committed | Bound) -> None:
            if isinstance(committed, Committed) and committed.carried is not None:
                await self._advancer.carry(committed.carried, asker)

        begun = None
        if may_lease_at_once(bank.declaration) and not drafted.is_for_later:
            begun = self._runner.begin(facts.payment_id, bank.bank.id, write, carry)
        if begun is not None:
            return await begun
        committed = await self._intents.write(drafted, asker.keyed)
        if isinstance(committed, Committed) and committed.view.status is PaymentStatus.CREATED:
            self._runner.start(committed.background.ref, bank.bank.id, committed.background)
        return committed

    async def _answer(self, asker: Asker, committed: Committed, wait_seconds: float) -> Created:
        """Wait for the bank's word; what is not known by then is answered with 202 and the payment as it is."""
        view = committed.view
        await self._tools.enqueuer.offer(committed.jobs)
        if view.status in {PaymentStatus.CREATED, PaymentStatus.SUBMITTING}:
            await self._runner.wait(view.id, wait_seconds)
            asker.listens = False
            if asker.promised:
                await self._runner.wait(view.id, _PROMISE_SECONDS)
            if asker.view is not None:
                return Created(payment=asker.view, status_code=CREATED, repeated=False)
            view = await self._reader.get(asker.keyed.tenant, view.id)
        if view.status in _WAITING:
            return Created(payment=view, status_code=ACCEPTED_FOR_NOW, repeated=False)
        await request_keys.remember_status_code(self._tools.pool, asker.keyed, CREATED)
        return Created(payment=view, status_code=CREATED, repeated=False)

    async def _repeat(self, tenant: Tenant, bound: Bound, wait_seconds: float) -> Created:
        """The same payment in its present state; a twin of this process waits for the same call."""
        await self._runner.wait(bound.payment_id, wait_seconds)
        view = await self._reader.get(tenant, bound.payment_id)
        return Created(payment=view, status_code=bound.status_code, repeated=True)


def time_errors(execute_at: datetime | None, now: datetime) -> list[FieldError]:
    """What is wrong with a requested time of execution."""
    if execute_at is None or now < execute_at <= now + _AHEAD_MAX:
        return []
    if execute_at > now:
        return [FieldError(pointer="/execute_at", code="too_far", message="must lie within a year from now")]
    return [FieldError(pointer="/execute_at", code="in_the_past", message="must lie in the future")]
