"""The payers' side: the page on which a person approves or refuses, and the same by command for tests.

GET /sca/{id}        the page
POST /sca/{id}       decision=approve or decision=refuse; sends the browser back to the client
GET /_waiting        what waits for a payer: [{"id": …, "sentence": …, "decoupled": …, "url": …}]
POST /_waiting/{id}  {"approve": true}
"""

import asyncio

from aiohttp import web
from markupsafe import escape

from adapters.berlin_group.simulator.authorisations import Authorisation, Authorisations, Subject
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.payments.lives import Lives

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Example Bank</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.4rem;margin-right:1rem}}</style>
<h1>Example Bank</h1><p>{sentence}</p>{rest}</html>"""
_FORM = """<form method="post"><button name="decision" value="approve">Approve</button>
<button name="decision" value="refuse">Refuse</button></form>"""


class ScaDesk:
    """Begins authorisations for the counters, and lets payers decide."""

    def __init__(self, authorisations: Authorisations, habits: Habits, lives: Lives) -> None:
        self._authorisations = authorisations
        self._habits = habits
        self._lives = lives

    def routes(self) -> list[web.RouteDef]:
        """The pages and commands."""
        return [
            web.get("/sca/{id}", self._show),
            web.post("/sca/{id}", self._decide),
            web.get("/_waiting", self._list),
            web.post("/_waiting/{id}", self._command),
        ]

    def begin(self, request: web.Request, subject: Subject) -> Authorisation:
        """Begin as the client and the bank's habits want it."""
        prefers_redirect = request.headers.get("TPP-Redirect-Preferred") == "true"
        wants_decoupled = request.headers.get("TPP-Decoupled-Preferred") == "true"
        decoupled = not prefers_redirect and (wants_decoupled or self._habits.decoupled)
        uri = request.headers.get("TPP-Redirect-URI")
        uris = (uri, request.headers.get("TPP-Nok-Redirect-URI", uri))
        begun = self._authorisations.begin(subject, decoupled=decoupled, uris=uris)
        if self._habits.approves_after_seconds is not None:
            self._lives.spawn(self._approve_alone(begun, self._habits.approves_after_seconds))
        return begun

    def approach(self, authorisation: Authorisation) -> dict[str, str]:
        """The header that tells how the payer is asked."""
        return {"ASPSP-SCA-Approach": "DECOUPLED" if authorisation.decoupled else "REDIRECT"}

    def page(self, request: web.Request, authorisation: Authorisation) -> str | None:
        """The page's address, for an authorisation in the browser."""
        return None if authorisation.decoupled else f"{request.url.origin()}/sca/{authorisation.id}"

    def decide(self, authorisation_id: str, *, approve: bool) -> str | None:
        """A payer's decision by command; where their browser would go. Raises KeyError for one that is not there."""
        return self._authorisations.all[authorisation_id].decide(approve=approve)

    async def _approve_alone(self, authorisation: Authorisation, seconds: float) -> None:
        await asyncio.sleep(seconds)
        authorisation.decide(approve=True)

    async def _show(self, request: web.Request) -> web.Response:
        authorisation = self._named(request)
        waits = authorisation in self._authorisations.waiting()
        rest = _FORM if waits else "<p>There is nothing left to decide.</p>"
        return _page(authorisation.subject.sentence, rest)

    async def _decide(self, request: web.Request) -> web.Response:
        decision = (await request.post()).get("decision")
        if decision not in {"approve", "refuse"}:
            raise web.HTTPBadRequest
        authorisation = self._named(request)
        back = authorisation.decide(approve=decision == "approve")
        if back is None:
            return _page(authorisation.subject.sentence, "<p>Thank you. You can close this page.</p>")
        raise web.HTTPSeeOther(back)

    async def _list(self, request: web.Request) -> web.Response:
        waiting = self._authorisations.waiting()
        told = [{"id": each.id, "sentence": each.subject.sentence, "decoupled": each.decoupled} for each in waiting]
        pages = [{**one, "url": f"{request.url.origin()}/sca/{one['id']}"} for one in told]
        return web.json_response(pages)

    async def _command(self, request: web.Request) -> web.Response:
        self._named(request)
        approve = bool((await request.json()).get("approve", True))
        back = self.decide(request.match_info["id"], approve=approve)
        return web.json_response({"redirect": back})

    def _named(self, request: web.Request) -> Authorisation:
        authorisation = self._authorisations.all.get(request.match_info["id"])
        if authorisation is None:
            raise web.HTTPNotFound
        return authorisation


def _page(sentence: str, rest: str) -> web.Response:
    text = _PAGE.format(sentence=escape(sentence), rest=rest)
    return web.Response(text=text, content_type="text/html")
