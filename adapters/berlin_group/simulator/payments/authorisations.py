"""How the payers' authorisations of a payment stand: which there are, and the scaStatus of each."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from adapters.berlin_group.simulator.authorisations import Authorisation, Authorisations, ScaStatus
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.messages import Refused, links, said
from adapters.berlin_group.simulator.payments.counter import PaymentCounter, named
from adapters.berlin_group.simulator.sca import ScaDesk
from adapters.declaration import OperationKind

_KINDS: Final = ("authorisations", "cancellation-authorisations")


class AuthorisationCounter:
    """Serves the clients that ask about payers."""

    def __init__(self, payments: PaymentCounter, desk: ScaDesk, authorisations: Authorisations, habits: Habits) -> None:
        self._payments = payments
        self._desk = desk
        self._authorisations = authorisations
        self._habits = habits

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        of = [f"/v1/payments/{{product}}/{{id}}/{{kind:{each}}}" for each in _KINDS]
        lists = [web.get(each, self.show_list) for each in of]
        return lists + [web.get(f"{each}/{{authorisation}}", self.show) for each in of]

    async def show_list(self, request: web.Request) -> web.StreamResponse:
        """The ids of a payment's authorisations."""
        told = {"authorisationIds": [each.id for each in self._of(request)]}
        return await self._give(request, told, {})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """How one authorisation stands."""
        wanted = request.match_info["authorisation"]
        found = next((each for each in self._of(request) if each.id == wanted), None)
        if found is None:
            raise Refused(403, "RESOURCE_UNKNOWN")
        told = {"scaStatus": found.status, **self._page(request, found)}
        return await self._give(request, told, self._desk.approach(found))

    async def _give(
        self, request: web.Request, told: Mapping[str, object], headers: dict[str, str]
    ) -> web.StreamResponse:
        fault = self._payments.plan.take(OperationKind.ENQUIRE_AUTHORISATION)
        return await self._payments.misbehaviour.give(request, said(200, told, headers), fault)

    def _of(self, request: web.Request) -> list[Authorisation]:
        payment = named(self._payments.books, request)
        return self._authorisations.of(f"{payment.path}/{request.match_info['kind']}")

    def _page(self, request: web.Request, authorisation: Authorisation) -> dict[str, object]:
        waits = authorisation.status is ScaStatus.STARTED
        if not self._habits.page_in_sca_status or not waits:
            return {}
        return {"_links": links(scaRedirect=self._desk.page(request, authorisation), scaStatus=authorisation.path)}
