"""The payments of the interface: initiation, status, authorisation, cancellation, and how each misbehaves."""

import asyncio
from typing import Final

from aiohttp import web

from adapters.berlin_group.simulator.authorisations import Authorisation, Subject
from adapters.berlin_group.simulator.door.checks import check_payer
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.messages import Refused, error, links, nothing, said
from adapters.berlin_group.simulator.payments.books import CANCELLABLE, Books, Payment, Status
from adapters.berlin_group.simulator.payments.lives import Lives
from adapters.berlin_group.simulator.payments.orders import PRODUCTS, read_order
from adapters.berlin_group.simulator.sca import ScaDesk
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault, FaultPlan
from adapters.simulation.misbehaviour import Answer, Misbehaviour
from adapters.simulation.simulator import Pace

_UNDONE: Final = frozenset({Fault.REFUSE, Fault.TOO_MANY, Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE})
_FATES: Final = frozenset({Fault.REJECT_LATER, Fault.STAY_PENDING})


class PaymentCounter:
    """Serves the clients that initiate payments."""

    def __init__(self, desk: ScaDesk, habits: Habits, pace: Pace, lives: Lives) -> None:
        self._desk = desk
        self._habits = habits
        self._pace = pace
        self._lives = lives
        self.books = Books(Status.PENDING if habits.pending_before_approval else Status.RECEIVED)
        self.plan = FaultPlan()
        self.misbehaviour = Misbehaviour(pace)
        self.initiations = 0

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        resource = "/v1/payments/{product}/{id}"
        return [
            web.post("/v1/payments/{product}", self.initiate),
            web.get(resource, self.show),
            web.delete(resource, self.cancel),
            web.get(f"{resource}/status", self.show_status),
            web.post(f"{resource}/authorisations", self.authorise),
            web.post(f"{resource}/cancellation-authorisations", self.authorise_cancellation),
        ]

    async def initiate(self, request: web.Request) -> web.StreamResponse:
        """Take an initiation. It moves nothing but at a bank that exempts it."""
        check_payer(request, self._habits, needed=True)
        if request.match_info["product"] not in PRODUCTS:
            raise Refused(404, "PRODUCT_UNKNOWN")
        order, fault = read_order(await request.read()), self.plan.take(OperationKind.CONSENT)
        if fault in _UNDONE:
            return await self.misbehaviour.give(request, _no(fault), fault)
        self.initiations += 1
        payment = self.books.open(request.match_info["product"], order)
        self._lives.wait_for_payer(payment)
        return await self.misbehaviour.give(request, self._initiated(request, payment, fault), fault)

    async def authorise(self, request: web.Request) -> web.StreamResponse:
        """Begin the payer's authorisation."""
        payment, fault = named(self.books, request), self.plan.take(OperationKind.AUTHORISE)
        if payment.status is not Status.RECEIVED or payment.authorised:
            raise Refused(409, "STATUS_INVALID")
        if fault in _UNDONE:
            return await self.misbehaviour.give(request, self._undone(payment, fault), fault)
        self._hide(payment, fault)
        if fault is Fault.COMMIT_LATE:
            self._lives.spawn(self._begin_late(request, payment))
            return await self.misbehaviour.give(request, error(400, "FORMAT_ERROR"), fault)
        begun = self._desk.begin(request, self._subject(payment))
        return await self.misbehaviour.give(request, self._started(request, begun), fault)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The whole payment."""
        payment, fault = named(self.books, request), self.plan.take(OperationKind.ENQUIRE)
        return await self.misbehaviour.give(request, said(200, payment.told(_now(), fault)), fault)

    async def show_status(self, request: web.Request) -> web.StreamResponse:
        """The payment's status only."""
        payment, fault = named(self.books, request), self.plan.take(OperationKind.ENQUIRE)
        return await self.misbehaviour.give(request, said(200, payment.told_status(_now())), fault)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Withdraw a payment while no money moved, or begin to."""
        payment, fault = named(self.books, request), self.plan.take(OperationKind.CANCEL)
        if payment.status not in CANCELLABLE:
            return await self.misbehaviour.give(request, error(405, "CANCELLATION_INVALID"), fault)
        if fault in _UNDONE:
            return await self.misbehaviour.give(request, error(405, "CANCELLATION_INVALID"), fault)
        if self._habits.cancels_at_once:
            payment.status = Status.CANCELLED
            return await self.misbehaviour.give(request, nothing(), fault)
        return await self.misbehaviour.give(request, self._to_be_approved(request, payment), fault)

    async def authorise_cancellation(self, request: web.Request) -> web.StreamResponse:
        """Begin the payer's authorisation of a cancellation."""
        payment, fault = named(self.books, request), self.plan.take(OperationKind.AUTHORISE_CANCEL)
        if payment.status not in CANCELLABLE:
            raise Refused(409, "STATUS_INVALID")
        if fault in _UNDONE:
            return await self.misbehaviour.give(request, _no(fault), fault)
        begun = self._desk.begin(request, self._cancelling(payment))
        return await self.misbehaviour.give(request, self._started(request, begun), fault)

    def _to_be_approved(self, request: web.Request, payment: Payment) -> Answer:
        """A cancellation that waits for the payer, begun at once where the client or the bank will not wait."""
        told = {"transactionStatus": payment.shown}
        explicit = request.headers.get("TPP-Explicit-Authorisation-Preferred") == "true"
        if explicit and self._habits.explicit:
            start = links(startAuthorisation=f"{payment.path}/cancellation-authorisations")
            return said(202, {**told, "_links": start})
        begun = self._desk.begin(request, self._cancelling(payment))
        found = links(scaRedirect=self._desk.page(request, begun), scaStatus=begun.path)
        return said(202, {**told, "_links": found}, self._desk.approach(begun))

    def _initiated(self, request: web.Request, payment: Payment, fault: Fault | None) -> Answer:
        self._hide(payment, fault)
        told = {"paymentId": payment.id}
        own = {"self": payment.path, "status": f"{payment.path}/status"}
        if self._habits.exempts:
            self._lives.begin(payment)
            return said(201, {**told, "transactionStatus": payment.status, "_links": links(**own)}, _at(payment))
        told["transactionStatus"] = payment.shown
        explicit = request.headers.get("TPP-Explicit-Authorisation-Preferred") == "true"
        if explicit and self._habits.explicit:
            start = links(**own, startAuthorisation=f"{payment.path}/authorisations")
            return said(201, {**told, "_links": start}, _at(payment))
        begun = self._desk.begin(request, self._subject(payment))
        found = links(**own, scaRedirect=self._desk.page(request, begun), scaStatus=begun.path)
        return said(201, {**told, "_links": found}, {**_at(payment), **self._desk.approach(begun)})

    def _started(self, request: web.Request, begun: Authorisation) -> Answer:
        found = links(scaRedirect=self._desk.page(request, begun), scaStatus=begun.path)
        told = {"scaStatus": begun.status, "authorisationId": begun.id, "_links": found}
        return said(201, told, self._desk.approach(begun))

    def _undone(self, payment: Payment, fault: Fault | None) -> Answer:
        if fault is Fault.REFUSE:
            payment.status = Status.REJECTED
        return _no(fault)

    def _hide(self, payment: Payment, fault: Fault | None) -> None:
        if fault in _FATES:
            payment.fault = fault
        if fault is Fault.STALE:
            payment.stale_until = _now() + self._pace.hidden_seconds

    async def _begin_late(self, request: web.Request, payment: Payment) -> None:
        await asyncio.sleep(self._pace.hidden_seconds)
        self._desk.begin(request, self._subject(payment))

    def _subject(self, payment: Payment) -> Subject:
        order = payment.order
        return Subject(
            sentence=f"Pay {order.amount.currency} {order.amount.to_decimal():f} to {order.creditor_name}?",
            path=f"{payment.path}/authorisations",
            approved=lambda: self._lives.begin(payment),
            refused=lambda: _end(payment, Status.REJECTED),
            is_open=lambda: payment.status is Status.RECEIVED,
        )

    def _cancelling(self, payment: Payment) -> Subject:
        return Subject(
            sentence=f"Withdraw the payment to {payment.order.creditor_name}?",
            path=f"{payment.path}/cancellation-authorisations",
            approved=lambda: _end(payment, Status.CANCELLED),
            refused=lambda: None,
            is_open=lambda: payment.status in CANCELLABLE,
        )


def named(books: Books, request: web.Request) -> Payment:
    """The payment in a request's path. Raises Refused."""
    product = request.match_info["product"]
    if product not in PRODUCTS:
        raise Refused(404, "PRODUCT_UNKNOWN")
    payment = books.find(product, request.match_info["id"])
    if payment is None:
        raise Refused(404, "RESOURCE_UNKNOWN")
    return payment


def _end(payment: Payment, status: Status) -> None:
    payment.status = status


def _no(fault: Fault | None) -> Answer:
    code = "ACCESS_EXCEEDED" if fault is Fault.TOO_MANY else "PAYMENT_FAILED"
    return error(400, code)


def _at(payment: Payment) -> dict[str, str]:
    return {"Location": payment.path}


def _now() -> float:
    return asyncio.get_running_loop().time()
