"""Consents of account holders: asked for by the client, given or refused by the holder, ended by either."""

import datetime as dt
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web

from adapters.berlin_group.simulator.authorisations import Authorisation, Authorisations, Subject
from adapters.berlin_group.simulator.door.checks import check_payer
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.messages import Refused, links, nothing, said
from adapters.berlin_group.simulator.payments.lives import Lives
from adapters.berlin_group.simulator.sca import ScaDesk
from adapters.simulation.misbehaviour import Answer

_FIELDS = {"access", "recurringIndicator", "validUntil", "frequencyPerDay", "combinedServiceIndicator"}
_LISTS = {"accounts", "balances", "transactions"}


class ConsentState(StrEnum):
    """The states of a consent, as consentStatus says them."""

    RECEIVED = "received"
    VALID = "valid"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revokedByPsu"
    TERMINATED = "terminatedByTpp"


@dataclass(slots=True, kw_only=True)
class Consent:
    """One consent, with what was asked for."""

    id: str
    asked: dict[str, Any]
    valid_until: dt.date
    frequency: int
    state: ConsentState = ConsentState.RECEIVED

    @property
    def path(self) -> str:
        """Where it stands in the interface."""
        return f"/v1/consents/{self.id}"

    def now(self) -> ConsentState:
        """Its state today."""
        if self.state is ConsentState.VALID and self.valid_until < dt.datetime.now(dt.UTC).date():
            self.state = ConsentState.EXPIRED
        return self.state


class ConsentDesk:
    """Serves the clients that ask for consents."""

    def __init__(self, desk: ScaDesk, authorisations: Authorisations, habits: Habits, lives: Lives) -> None:
        self._desk = desk
        self._authorisations = authorisations
        self._habits = habits
        self._lives = lives
        self.consents: dict[str, Consent] = {}

    def routes(self) -> list[web.RouteDef]:
        """The interface as one table."""
        resource = "/v1/consents/{id}"
        return [
            web.post("/v1/consents", self.ask),
            web.get(resource, self.show),
            web.delete(resource, self.end),
            web.get(f"{resource}/status", self.show_status),
            web.post(f"{resource}/authorisations", self.authorise),
            web.get(f"{resource}/authorisations/{{authorisation}}", self.show_authorisation),
        ]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """A new consent; its authorisation begins with it unless the bank wants that said."""
        check_payer(request, self._habits, needed=True)
        consent = _read(await request.read(), self._habits.reads_a_day)
        self.consents[consent.id] = consent
        self._lives.abandon(lambda: _die(consent))
        own = {"self": consent.path, "status": f"{consent.path}/status"}
        told: dict[str, Any] = {"consentStatus": consent.state, "consentId": consent.id}
        if self._habits.consents_need_start:
            found = links(**own, startAuthorisation=f"{consent.path}/authorisations")
            return said(201, {**told, "_links": found}, {"Location": consent.path}).response()
        begun = self._desk.begin(request, self._subject(consent))
        found = links(**own, scaRedirect=self._desk.page(request, begun), scaStatus=begun.path)
        headers = {"Location": consent.path, **self._desk.approach(begun)}
        return said(201, {**told, "_links": found}, headers).response()

    async def authorise(self, request: web.Request) -> web.StreamResponse:
        """Begin the holder's authorisation."""
        consent = self._consent(request)
        if consent.now() is not ConsentState.RECEIVED:
            raise Refused(409, "STATUS_INVALID")
        return self._started(request, self._desk.begin(request, self._subject(consent))).response()

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The whole consent."""
        consent = self._consent(request)
        told = {
            "access": consent.asked["access"],
            "recurringIndicator": consent.asked["recurringIndicator"],
            "validUntil": consent.valid_until.isoformat(),
            "frequencyPerDay": consent.frequency,
            "lastActionDate": dt.datetime.now(dt.UTC).date().isoformat(),
            "consentStatus": consent.now(),
        }
        return said(200, told).response()

    async def show_status(self, request: web.Request) -> web.StreamResponse:
        """How the consent stands."""
        return said(200, {"consentStatus": self._consent(request).now()}).response()

    async def show_authorisation(self, request: web.Request) -> web.StreamResponse:
        """How one authorisation stands."""
        path, wanted = f"{self._consent(request).path}/authorisations", request.match_info["authorisation"]
        found = next((each for each in self._authorisations.of(path) if each.id == wanted), None)
        if found is None:
            raise Refused(403, "RESOURCE_UNKNOWN")
        return said(200, {"scaStatus": found.status}).response()

    async def end(self, request: web.Request) -> web.StreamResponse:
        """The client gives the consent back."""
        consent = self._consent(request)
        if consent.now() in {ConsentState.RECEIVED, ConsentState.VALID}:
            consent.state = ConsentState.TERMINATED
        return nothing().response()

    def usable(self, request: web.Request) -> Consent:
        """The consent that a read is made under. Raises Refused."""
        given = request.headers.get("Consent-ID")
        if given is None:
            raise Refused(400, "FORMAT_ERROR", "Consent-ID")
        consent = self.consents.get(given)
        if consent is None:
            raise Refused(403, "CONSENT_UNKNOWN")
        if consent.now() is not ConsentState.VALID:
            raise Refused(401, "CONSENT_EXPIRED" if consent.state is ConsentState.EXPIRED else "CONSENT_INVALID")
        return consent

    def revoke(self) -> None:
        """Every holder takes their consent back at the bank."""
        for consent in self.consents.values():
            consent.state = ConsentState.REVOKED

    def _consent(self, request: web.Request) -> Consent:
        consent = self.consents.get(request.match_info["id"])
        if consent is None:
            raise Refused(403, "CONSENT_UNKNOWN")
        return consent

    def _started(self, request: web.Request, begun: Authorisation) -> Answer:
        found = links(scaRedirect=self._desk.page(request, begun), scaStatus=begun.path)
        told = {"scaStatus": begun.status, "authorisationId": begun.id, "_links": found}
        return said(201, told, self._desk.approach(begun))

    def _subject(self, consent: Consent) -> Subject:
        return Subject(
            sentence=f"May your accounts be read until {consent.valid_until}?",
            path=f"{consent.path}/authorisations",
            approved=lambda: _become(consent, ConsentState.VALID),
            refused=lambda: _become(consent, ConsentState.REJECTED),
            is_open=lambda: consent.state is ConsentState.RECEIVED,
        )


def _die(consent: Consent) -> None:
    if consent.state is ConsentState.RECEIVED:
        consent.state = ConsentState.REJECTED


def _become(consent: Consent, state: ConsentState) -> None:
    consent.state = state


def _read(body: bytes, reads_a_day: int) -> Consent:
    """The consent in a request's body; the bank allows no more reads than it ever does. Raises Refused."""
    try:
        asked = orjson.loads(body)
        valid_until = dt.date.fromisoformat(asked["validUntil"])
        right = _is_right(asked)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise Refused(400, "FORMAT_ERROR") from None
    if not right:
        raise Refused(400, "FORMAT_ERROR")
    if valid_until < dt.datetime.now(dt.UTC).date():
        raise Refused(400, "PERIOD_INVALID", "validUntil")
    frequency = min(asked["frequencyPerDay"], reads_a_day)
    return Consent(id=secrets.token_hex(16), asked=asked, valid_until=valid_until, frequency=frequency)


def _is_right(asked: dict[str, Any]) -> bool:
    access = asked["access"]
    chosen = set(access) <= _LISTS and all(isinstance(each, list) for each in access.values())
    every = access == {"allPsd2": "allAccounts"}
    flags = (asked["recurringIndicator"], asked["combinedServiceIndicator"])
    frequency = asked["frequencyPerDay"]
    counted = type(frequency) is int and frequency >= 1
    return set(asked) == _FIELDS and (chosen or every) and set(map(type, flags)) == {bool} and counted
