"""The sandbox bank's HTTP interface: what it answers, and how it misbehaves."""

import asyncio
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters.declaration import OperationKind
from adapters.sandbox.simulator.amounts import FAULT_OF_AMOUNT
from adapters.sandbox.simulator.books import Books, KeyConflict, KeyInUse, Payment, Status
from adapters.sandbox.simulator.lives import Lives, Notifier
from adapters.sandbox.simulator.orders import Order, WrongOrder, read_order
from adapters.simulation.faults import Fault, FaultPlan
from adapters.simulation.misbehaviour import Answer, Misbehaviour
from adapters.simulation.simulator import Pace
from kernel.masked import Secret
from kernel.money import Money

_KEY_LENGTH_MAX = 64
_NOT_BOOKED = frozenset({Fault.REFUSE, Fault.TOO_MANY, Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE})


class Counter:
    """Serves the bank's customers."""

    def __init__(self, books: Books, plan: FaultPlan, pace: Pace, notifier: Notifier) -> None:
        self._books = books
        self._plan = plan
        self._pace = pace
        self._notifier = notifier
        self._struck: set[str] = set()
        self.submissions = 0
        self.lives = Lives(pace, notifier)
        self.misbehaviour = Misbehaviour(pace)

    def routes(self) -> list[web.RouteDef]:
        """The bank's interface as one table."""
        return [
            web.post("/payments", self.submit),
            web.get("/payments", self.find),
            web.get("/payments/{id}", self.show),
            web.post("/payments/{id}/cancel", self.cancel),
        ]

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Take a payment order once per idempotency key."""
        self.submissions += 1
        key, body = request.headers.get("Idempotency-Key", ""), await request.read()
        if not 1 <= len(key) <= _KEY_LENGTH_MAX:
            return _error(400, "idempotency_key_required").response()
        try:
            known = self._books.claim(key, body)
        except KeyInUse:
            return _error(409, "request_in_progress").response()
        except KeyConflict:
            return _error(409, "idempotency_conflict").response()
        if known is not None:
            return await self._repeat(request, known)
        return await self._first(request, key, body)

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List the payments with an end_to_end_id."""
        wanted, fault = request.query.get("end_to_end_id"), self._plan.take(OperationKind.ENQUIRE)
        found = [_told(each, fault) for each in self._visible() if each.order.end_to_end_id == wanted]
        return await self.misbehaviour.give(request, _answer(200, {"data": found}), fault)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show one payment."""
        payment, fault = self._named(request), self._plan.take(OperationKind.ENQUIRE)
        answer = _error(404, "not_found") if payment is None else _answer(200, _told(payment, fault))
        return await self.misbehaviour.give(request, answer, fault)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Withdraw a payment while no money moved."""
        payment, fault = self._named(request), self._plan.take(OperationKind.CANCEL)
        if payment is None:
            return await self.misbehaviour.give(request, _error(404, "not_found"), fault)
        if payment.cancellable and fault not in _NOT_BOOKED:
            payment.become(Status.CANCELLED)
            self.lives.spawn(self._notifier.tell(payment))
        cancelled = payment.status is Status.CANCELLED
        told = _told(payment, fault)
        answer = _answer(200, told) if cancelled else _error(409, "too_late", payment=told)
        return await self.misbehaviour.give(request, answer, fault)

    async def _repeat(self, request: web.Request, payment: Payment) -> web.StreamResponse:
        fault = self._plan.take(OperationKind.SUBMIT)
        answer = _answer(201, _told(payment, fault), {"Idempotent-Replayed": "true"})
        return await self.misbehaviour.give(request, answer, fault)

    async def _first(self, request: web.Request, key: str, body: bytes) -> web.StreamResponse:
        try:
            order = read_order(body)
        except WrongOrder as wrong:
            self._books.release(key)
            return _error(422, "validation_failed", fields=wrong.fields).response()
        fault = self._fault(key, order)
        if fault in _NOT_BOOKED:
            self._books.release(key)
            return await self.misbehaviour.give(request, _told_no(fault), fault)
        if fault is Fault.COMMIT_LATE:
            self.lives.spawn(self._book_late(key, order))
            return await self.misbehaviour.give(request, _error(500, "internal_error"), fault)
        payment = self._book(key, order, fault)
        if fault is Fault.NOTIFY_FIRST:
            await self._notifier.tell(payment)
        return await self.misbehaviour.give(request, _answer(201, _told(payment, fault)), fault)

    def _fault(self, key: str, order: Order) -> Fault | None:
        planned = self._plan.take(OperationKind.SUBMIT)
        chosen = FAULT_OF_AMOUNT.get(order.amount.value)
        if planned is not None or (key in self._struck and chosen is not Fault.REFUSE):
            return planned
        self._struck.add(key)
        return chosen

    def _book(self, key: str, order: Order, fault: Fault | None) -> Payment:
        payment = self._books.commit(key, order, fault)
        if fault is Fault.STALE:
            payment.visible_at = _now() + self._pace.hidden_seconds
        self.lives.begin(payment)
        return payment

    async def _book_late(self, key: str, order: Order) -> None:
        await asyncio.sleep(self._pace.hidden_seconds)
        self._book(key, order, Fault.COMMIT_LATE)

    def _named(self, request: web.Request) -> Payment | None:
        return next((each for each in self._visible() if each.id == request.match_info["id"]), None)

    def _visible(self) -> list[Payment]:
        return self._books.visible(_now())


def authentication(token: Secret) -> Middleware:
    """A middleware that lets through only the holder of the token; the bench's own paths begin with `/_`."""

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        presented = request.headers.get("Authorization", "")
        if not request.path.startswith("/_") and presented != f"Bearer {token.reveal()}":
            return _error(401, "unauthorised").response()
        return await handler(request)

    return authenticate


def _told(payment: Payment, fault: Fault | None) -> dict[str, Any]:
    """The payment as the bank tells it, truly or not."""
    amount = payment.order.amount
    match fault:
        case Fault.WRONG_AMOUNT:
            return payment.to_json(amount=Money(amount.currency, amount.value + 1))
        case Fault.WRONG_EXPONENT:
            return payment.to_json(amount=Money(amount.currency, amount.value * 100))
        case Fault.WRONG_REFERENCE:
            return payment.to_json(end_to_end_id="of-another-payment")
        case _:
            return payment.to_json()


def _told_no(fault: Fault | None) -> Answer:
    if fault is Fault.REFUSE:
        return _error(422, "payment_refused", reason_code="AM04")
    return Answer(status=500, body=b"", error_body=_error_body("too_many_requests"))


def _answer(status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    body = orjson.dumps(value)
    return Answer(status=status, body=body, error_body=_error_body("internal_error"), headers=headers or {})


def _error(status: int, code: str, **more: object) -> Answer:
    return Answer(status=status, body=_error_body(code, **more), error_body=_error_body("internal_error"))


def _error_body(code: str, **more: object) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": "See the sandbox bank's documentation.", **more}})


def _now() -> float:
    return asyncio.get_running_loop().time()
