"""The bank's interface for payments: what it answers, and how it misbehaves."""

import asyncio
import secrets

from aiohttp import web

from adapters.declaration import OperationKind
from adapters.open_banking_uk.simulator.answers import Refused, now_text
from adapters.open_banking_uk.simulator.door import Caller, Door
from adapters.open_banking_uk.simulator.payments.books import RESOURCES, Books, Consent, ConsentStatus, Payment
from adapters.open_banking_uk.simulator.payments.lives import Lives
from adapters.open_banking_uk.simulator.payments.orders import amount_of, read_consent, read_payment
from adapters.open_banking_uk.simulator.payments.telling import consent_told, details_told, payment_told
from adapters.simulation.faults import Fault, FaultPlan
from adapters.simulation.misbehaviour import Answer, Misbehaviour

_NOT_BOOKED = frozenset({Fault.TOO_MANY, Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE})
_PISP = "/open-banking/{version}/pisp"
_ROOT = f"{_PISP}/{{resource:{'|'.join(RESOURCES)}}}"


class Counter:
    """Serves payment initiation."""

    def __init__(self, books: Books, plan: FaultPlan, lives: Lives, door: Door, misbehaviour: Misbehaviour) -> None:
        self._books = books
        self._plan = plan
        self._door = door
        self._misbehaviour = misbehaviour
        self.submissions = 0
        self.lives = lives

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        return [
            web.post(f"{_ROOT}-consents", self.consent),
            web.get(f"{_ROOT}-consents/{{id}}", self.show_consent, allow_head=False),
            web.get(f"{_PISP}/domestic-payment-consents/{{id}}/funds-confirmation", self.funds, allow_head=False),
            web.post(f"{_ROOT}s", self.pay),
            web.get(f"{_ROOT}s/{{id}}", self.show_payment, allow_head=False),
            web.get(f"{_ROOT}s/{{id}}/payment-details", self.show_details, allow_head=False),
        ]

    async def consent(self, request: web.Request) -> web.StreamResponse:
        """Take a consent once per idempotency key."""
        caller = await self._door.client(request, "payments", signed=True)
        known = self._books.claim("consent", caller.key, caller.body)
        fault = self._plan.take(OperationKind.CONSENT)
        if isinstance(known, Consent):
            return await self._give(request, self._told_consent(caller, request, known), fault)
        try:
            consent = self._new_consent(caller, fault, scheduled=_is_scheduled(request))
        except Refused:
            self._books.release("consent", caller.key)
            raise
        if consent is None:
            self._books.release("consent", caller.key)
            return await self._give(request, caller.voice.refuses(Refused(500, "U000")), fault)
        return await self._give(request, self._told_consent(caller, request, consent), fault)

    async def show_consent(self, request: web.Request) -> web.StreamResponse:
        """Show a consent; a stale replica, or a payment that is committed late, leaves it unused."""
        caller = await self._door.client(request, "payments")
        consent, fault = (
            self._consent_named(caller, request.match_info["id"], scheduled=_is_scheduled(request)),
            self._plan.take(OperationKind.ENQUIRE),
        )
        payment = self._books.payment_of(consent)
        hidden = payment is not None and payment.visible_at > _now()
        status = ConsentStatus.AUTHORISED if hidden else consent.status
        answer = caller.voice.says(200, consent_told(consent, str(request.url), status))
        return await self._give(request, answer, fault)

    async def funds(self, request: web.Request) -> web.StreamResponse:
        """Whether the payer's account holds the amount."""
        caller = await self._door.payer(request, "payments")
        consent = self._consent_named(caller, request.match_info["id"], scheduled=_is_scheduled(request))
        if consent.status is not ConsentStatus.AUTHORISED or caller.consent_id != consent.id:
            raise Refused(400, "U009")
        fault = self._plan.take(OperationKind.CONFIRM_FUNDS)
        available = consent.is_funded and fault is not Fault.REFUSE
        result = {"FundsAvailableDateTime": now_text(), "FundsAvailable": available}
        told = {"Data": {"FundsAvailableResult": result}, "Links": {"Self": str(request.url)}, "Meta": {}}
        return await self._give(request, caller.voice.says(200, told), fault)

    async def pay(self, request: web.Request) -> web.StreamResponse:
        """Make a payment once per idempotency key, under an authorised consent that says the same."""
        self.submissions += 1
        caller = await self._door.payer(request, "payments", signed=True)
        known = self._books.claim("payment", caller.key, caller.body)
        if isinstance(known, Payment):
            fault = self._plan.take(OperationKind.SUBMIT)
            return await self._give(request, self._told_payment(caller, request, known, fault), fault)
        try:
            consent = self._usable_consent(caller, scheduled=_is_scheduled(request))
        except Refused:
            self._books.release("payment", caller.key)
            raise
        return await self._first(request, caller, consent, self._plan.take(OperationKind.SUBMIT))

    async def show_payment(self, request: web.Request) -> web.StreamResponse:
        """Show a payment."""
        caller = await self._door.client(request, "payments")
        payment, fault = self._payment_named(caller, request), self._plan.take(OperationKind.ENQUIRE)
        answer = caller.voice.says(200, payment_told(payment, str(request.url), fault))
        return await self._give(request, answer, fault)

    async def show_details(self, request: web.Request) -> web.StreamResponse:
        """Show a payment's details."""
        caller = await self._door.client(request, "payments")
        payment, fault = self._payment_named(caller, request), self._plan.take(OperationKind.ENQUIRE)
        return await self._give(request, caller.voice.says(200, details_told(payment, str(request.url))), fault)

    async def _first(
        self, request: web.Request, caller: Caller, consent: Consent, fault: Fault | None
    ) -> web.StreamResponse:
        if fault in _NOT_BOOKED:
            self._books.release("payment", caller.key)
            return await self._give(request, caller.voice.refuses(Refused(429)), fault)
        if fault is Fault.COMMIT_LATE:
            self.lives.spawn(self._book_late(caller.key, consent))
            return await self._give(request, caller.voice.refuses(Refused(500, "U000")), fault)
        payment = self._book(caller.key, consent, fault)
        if fault is Fault.NOTIFY_FIRST:
            await self.lives.tell(payment)
        return await self._give(request, self._told_payment(caller, request, payment, fault), fault)

    def _new_consent(self, caller: Caller, fault: Fault | None, *, scheduled: bool) -> Consent | None:
        wanted = read_consent(caller.voice.version, caller.body, scheduled=scheduled)
        amount = amount_of(wanted)
        if fault is Fault.REFUSE:
            raise Refused(400, "U002", "Data.Initiation.CreditorAccount.Identification")
        if fault in _NOT_BOOKED:
            return None
        consent = Consent(
            id=f"pdc-{secrets.token_hex(12)}",
            version=caller.voice.version,
            request=wanted,
            amount=amount,
            scheduled=scheduled,
        )
        return self._books.make_consent(caller.key, consent)

    def _usable_consent(self, caller: Caller, *, scheduled: bool) -> Consent:
        """The authorised consent that this payment is under. Raises Refused."""
        wanted = read_payment(caller.voice.version, caller.body, scheduled=scheduled)
        consent = self._consent_named(caller, wanted["Data"]["ConsentId"], scheduled=scheduled)
        if caller.consent_id != consent.id:
            raise Refused(403, "U028")
        if consent.status is not ConsentStatus.AUTHORISED:
            raise Refused(400, "U009", "Data.ConsentId")
        asked = consent.request
        if wanted["Risk"] != asked["Risk"] or wanted["Data"]["Initiation"] != asked["Data"]["Initiation"]:
            raise Refused(400, "U008", "Data.Initiation")
        return consent

    def _book(self, key: str, consent: Consent, fault: Fault | None) -> Payment:
        payment = self._books.make_payment(key, consent, fault)
        if fault is Fault.STALE:
            payment.visible_at = _now() + self.lives.pace.hidden_seconds
        self.lives.begin(payment)
        return payment

    async def _book_late(self, key: str, consent: Consent) -> None:
        await asyncio.sleep(self.lives.pace.hidden_seconds)
        self._book(key, consent, Fault.COMMIT_LATE)

    def _consent_named(self, caller: Caller, consent_id: str, *, scheduled: bool) -> Consent:
        """Raises Refused for an id that nobody has, that the other version made, or that is of the other resource."""
        consent = self._books.consents.get(consent_id)
        if consent is None or (consent.version, consent.scheduled) != (caller.voice.version, scheduled):
            raise Refused(400, "U011")
        return consent

    def _payment_named(self, caller: Caller, request: web.Request) -> Payment:
        payment = self._books.payments.get(request.match_info["id"])
        wanted = (caller.voice.version, _is_scheduled(request))
        if payment is None or (payment.consent.version, payment.consent.scheduled) != wanted:
            raise Refused(400, "U011")
        if payment.visible_at > _now():
            raise Refused(400, "U011")
        return payment

    def _told_consent(self, caller: Caller, request: web.Request, consent: Consent) -> Answer:
        return caller.voice.says(201, consent_told(consent, f"{request.url}/{consent.id}"))

    def _told_payment(self, caller: Caller, request: web.Request, payment: Payment, fault: Fault | None) -> Answer:
        return caller.voice.says(201, payment_told(payment, f"{request.url}/{payment.id}", fault))

    async def _give(self, request: web.Request, answer: Answer, fault: Fault | None) -> web.StreamResponse:
        return await self._misbehaviour.give(request, answer, fault)


def _is_scheduled(request: web.Request) -> bool:
    return RESOURCES[request.match_info.get("resource", "domestic-payment")]


def _now() -> float:
    return asyncio.get_running_loop().time()
