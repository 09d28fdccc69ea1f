"""The page on which a person gives consent, and its twin that a test can post to.

GET  /oauth/authorize   the page, for a request object that holds
POST /oauth/decisions   the page's form: a ticket, an account, and approve or refuse; answers with the way back, or with
                        the page again where an approval names no account that is offered
POST /_decisions        {"url": "…/oauth/authorize?…", "decision": "approve"} answers {"redirect_to": "…"}
"""

import secrets
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from markupsafe import Markup

from adapters.open_banking_uk.simulator.oauth.proofs import NoProof, Proofs, intent_of
from adapters.open_banking_uk.simulator.oauth.tokens import Access, Tokens

APPROVE, REFUSE = "approve", "refuse"
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Example Bank (simulated)</title><style>
body {{ font: 1.05rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #1d2330 }}
fieldset, dl {{ border: 1px solid #c9cfdb; border-radius: .5rem; padding: 1rem }}
dt {{ color: #5a6478 }} dd {{ margin: 0 0 .6rem; font-weight: 600 }} label {{ display: block; padding: .3rem 0 }}
button {{ font: inherit; padding: .6rem 1.4rem; margin: 1rem .6rem 0 0; border-radius: .4rem }}
button[value=approve] {{ background: #2b4c9b; color: #fff }}
</style></head><body><h1>Example Bank</h1><p>This bank is simulated: no money moves.</p>
<h2>{title}</h2><dl>{facts}</dl>{wrong}
<form method="post" action="/oauth/decisions"><input type="hidden" name="ticket" value="{ticket}">
<fieldset><legend>{legend}</legend>{accounts}</fieldset>
<button name="decision" value="approve">Approve</button><button name="decision" value="refuse">Refuse</button>
</form></body></html>""")
_CHOOSE = Markup('<p role="alert">Nothing was decided: choose an account to approve with.</p>')
_FACT = Markup("<dt>{name}</dt><dd>{value}</dd>")
_ACCOUNT = Markup('<label><input type="{kind}" name="account" value="{id}" {checked}> {name}</label>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked: the facts of the consent and the accounts to choose from; `several` may be chosen."""

    title: str
    facts: tuple[tuple[str, str], ...]
    accounts: tuple[tuple[str, str], ...]
    several: bool = False

    def offers(self, chosen: tuple[str, ...]) -> bool:
        """Whether these are accounts that can be chosen, as many as may be."""
        known = {identifier for identifier, _ in self.accounts}
        return bool(chosen) and set(chosen) <= known and (self.several or len(chosen) == 1)


class Consents(Protocol):
    """Where consents of one scope are kept."""

    def question(self, consent_id: str) -> Question | None:
        """What to ask about a consent that awaits its authorisation, or None where there is none."""
        ...

    def decide(self, consent_id: str, account_ids: tuple[str, ...] | None) -> None:
        """The answer: the accounts that were chosen, or None for a refusal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    claims: dict[str, Any]
    consent_id: str
    question: Question
    consents: Consents


class AuthorisationPage:
    """Asks, and sends the person back with a code or an error."""

    def __init__(self, proofs: Proofs, tokens: Tokens, consents: dict[str, Consents], issuer: str) -> None:
        self._proofs = proofs
        self._tokens = tokens
        self._consents = consents
        self._issuer = issuer
        self._open: dict[str, _Asked] = {}

    async def show(self, request: web.Request) -> web.Response:
        """The page. What does not hold is said here: nobody is sent anywhere by an unproven request."""
        try:
            asked = self._asked(dict(request.query))
        except NoProof as wrong:
            return web.Response(status=400, text=f"This request cannot be authorised: {wrong}.")
        ticket = secrets.token_urlsafe(16)
        self._open[ticket] = asked
        return web.Response(text=_rendered(asked.question, ticket), content_type="text/html")

    async def decide(self, request: web.Request) -> web.Response:
        """The page's form; a ticket is used once, and stays where nothing was decided with it."""
        form = await request.post()
        ticket, decision = str(form.get("ticket", "")), str(form.get("decision", ""))
        if (asked := self._open.get(ticket)) is None:
            return web.Response(status=400, text="This page was used already. Please begin again at the shop.")
        chosen = tuple(str(each) for each in form.getall("account", []))
        if decision == APPROVE and not asked.question.offers(chosen):
            page = _rendered(asked.question, ticket, _CHOOSE)
            return web.Response(status=400, text=page, content_type="text/html")
        del self._open[ticket]
        raise web.HTTPFound(self._answered(asked, decision, chosen))

    async def decide_for_test(self, request: web.Request) -> web.Response:
        """The same without a page: the first account is chosen."""
        try:
            wanted: dict[str, Any] = await request.json()
            asked = self._asked(dict(parse_qsl(urlsplit(wanted["url"]).query)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": "send the authorisation's url, and a decision"}, status=400)
        except NoProof as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        chosen = tuple(identifier for identifier, _ in asked.question.accounts)
        way_back = self._answered(
            asked, wanted.get("decision", APPROVE), chosen if asked.question.several else chosen[:1]
        )
        return web.json_response({"redirect_to": way_back})

    def _asked(self, query: dict[str, str]) -> _Asked:
        claims = self._proofs.request(query)
        words = claims["scope"].split()
        scope = next((each for each in self._consents if each in words), None)
        if scope is None or "openid" not in words:
            raise NoProof("scope")
        consent_id = intent_of(claims)
        question = self._consents[scope].question(consent_id)
        if question is None:
            raise NoProof("the consent does not wait for anybody")
        return _Asked(claims=claims, consent_id=consent_id, question=question, consents=self._consents[scope])

    def _answered(self, asked: _Asked, decision: str, chosen: tuple[str, ...]) -> str:
        """The way back. A consent is decided once, however many pages were opened for it."""
        claims = asked.claims
        if decision != APPROVE:
            asked.consents.decide(asked.consent_id, None)
            return _way_back(claims, {"error": "access_denied", "iss": self._issuer})
        if asked.consents.question(asked.consent_id) is None:
            return _way_back(claims, {"error": "invalid_request", "iss": self._issuer})
        asked.consents.decide(asked.consent_id, chosen)
        access = Access(scope=claims["scope"], consent_id=asked.consent_id, account_ids=chosen)
        code = self._tokens.new_code(access, claims["redirect_uri"], claims["code_challenge"], claims["nonce"])
        return _way_back(claims, {"code": code, "iss": self._issuer})


def _way_back(claims: dict[str, Any], told: dict[str, str]) -> str:
    separator = "&" if "?" in claims["redirect_uri"] else "?"
    return f"{claims['redirect_uri']}{separator}{urlencode({**told, 'state': claims['state']})}"


def _rendered(question: Question, ticket: str, wrong: Markup | str = "") -> str:
    kind = "checkbox" if question.several else "radio"
    accounts = [
        _ACCOUNT.format(kind=kind, id=identifier, name=name, checked="checked" if place == 0 else "")
        for place, (identifier, name) in enumerate(question.accounts)
    ]
    return _PAGE.format(
        title=question.title,
        facts=Markup().join(_FACT.format(name=name, value=value) for name, value in question.facts),
        ticket=ticket,
        wrong=wrong,
        legend="Accounts to show" if question.several else "Pay from",
        accounts=Markup().join(accounts),
    )
