"""Scripted banks at which a payer authorises each payment: one by redirect with a code, one that only starts it.

The first makes a consent, is brought a code, and is sent the payment itself. The second gets the payment first, and
makes it by itself once the payer has authorised it. Both keep books, and fail on command as the scripted bank does.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from adapters.contract import (
    Account,
    Authorisation,
    AuthorisationMethod,
    Bank,
    Evidence,
    Grant,
    Instruction,
    NeverLeft,
    Outcome,
    Verdict,
)
from adapters.declaration import Declaration, EnquiryKey, OperationKind, Recovery
from adapters.wire import Credential, WireReply, WireRequest
from kernel.masked import AccountNumber, Secret
from tests.support.scripted_bank import ScriptedAdapter, ScriptedBank, declared, exchange

_CONSENT, _AUTHORISE, _SUBMIT = OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.SUBMIT
_CONFIRM_FUNDS = OperationKind.CONFIRM_FUNDS
_ENQUIRE, _CANCEL = OperationKind.ENQUIRE, OperationKind.CANCEL

REDIRECTING = declared(
    operations=frozenset({_CONSENT, _AUTHORISE, _SUBMIT, _ENQUIRE}),
    journey=(_CONSENT, _AUTHORISE, _SUBMIT),
    after_return=_AUTHORISE,
    recovery={_CONSENT: Recovery.RESEND, _AUTHORISE: Recovery.HOLD, _SUBMIT: Recovery.RESEND},
)
# It is asked before the payment whether the payer has the amount.
CONFIRMING = replace(
    REDIRECTING,
    operations=REDIRECTING.operations | {_CONFIRM_FUNDS},
    journey=(_CONSENT, _AUTHORISE, _CONFIRM_FUNDS, _SUBMIT),
)
STARTING = declared(
    operations=frozenset({_CONSENT, _AUTHORISE, _ENQUIRE, _CANCEL}),
    journey=(_CONSENT, _AUTHORISE),
    arms=_AUTHORISE,
    enquiry_keys=(EnquiryKey.BANK_REFERENCE,),
    recovery={_AUTHORISE: Recovery.ENQUIRE, _CANCEL: Recovery.ENQUIRE},
    absence_proven_after_seconds=None,
)


class PayerAdapter(ScriptedAdapter):
    """The protocol of both."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__(declaration)

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        made = super().build(kind, instruction)
        handshake = instruction.handshake
        more = {"consent": instruction.consent_id, "bank_reference": instruction.bank_reference}
        if kind is self.declaration.after_return:
            if handshake is None or handshake.code is None:
                raise ValueError("a code is needed")
            more["code"] = handshake.code.reveal()
        if kind is _SUBMIT and instruction.consent_id is None:
            raise ValueError("a consent is needed")
        credential = Credential.PAYER if kind in {_CONFIRM_FUNDS, _SUBMIT} else Credential.BANK
        return replace(made, body=orjson.dumps({**orjson.loads(made.body), **more}), credential=credential)

    def authorisation_url(self, instruction: Instruction, now: datetime) -> str:
        del now
        if instruction.consent_id is None or instruction.handshake is None:
            raise ValueError("a consent and a handshake are needed")
        query = {"consent": instruction.consent_id, "state": instruction.handshake.state.reveal()}
        return f"https://bank.example/authorise?{urlencode(query)}"

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        body = orjson.loads(reply.body)
        token, url, refund = body.get("token"), body.get("url"), body.get("refund")
        return replace(
            super().parse(kind, reply),
            consent_id=body.get("consent"),
            grant=None if token is None else Grant(access_token=Secret(token), lifetime_seconds=body.get("lifetime")),
            refund_account=None if refund is None else Account(iban=AccountNumber(refund)),
            authorisation=None if url is None else Authorisation(method=AuthorisationMethod.REDIRECT, url=Secret(url)),
        )


@dataclass(slots=True, kw_only=True)
class Consent:
    """What a payer may authorise, once."""

    id: str
    call: dict[str, Any]
    started: int = 0
    code: str | None = None
    code_used: bool = False
    token: str | None = None
    verdict: Verdict = Verdict.NEEDS_AUTHORISATION


@dataclass(slots=True, kw_only=True)
class PayerBank(ScriptedBank):
    """Speaks the protocol of `declaration`; `lifetime` is that of the access it gives, in seconds.

    `refund` is the payer's IBAN, where the bank tells it.

    Beside what the scripted bank does on command: executes (a consent that was to be harmless is paid at once),
    another_consent (the access that a code brings is another consent's).
    """

    declaration: Declaration = REDIRECTING
    consents: list[Consent] = field(default_factory=list)
    lifetime: int | None = 300
    refund: str | None = None

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        """One call; one that is made as the payer needs their access."""
        if request.credential is Credential.PAYER:
            if payer_access is None:
                return NeverLeft(why="no_access", exchange=exchange("never_left"))
            access = {**orjson.loads(request.body), "access": payer_access.reveal()}
            request = replace(request, body=orjson.dumps(access))
        return await super(PayerBank, self).perform(bank, request)

    def authorise(self, which: int = -1) -> str:
        """The payer says yes; the code that they are given, or nothing where the bank gives none."""
        consent = self.consents[which]
        if self.declaration.after_return is None:
            if consent.started and consent.verdict is Verdict.NEEDS_AUTHORISATION:
                consent.verdict = Verdict.ACCEPTED
                self._submit(consent.call, "ok")
            return ""
        consent.code = secrets.token_urlsafe(8)
        return consent.code

    def refuse(self, which: int = -1) -> None:
        """The payer says no."""
        self.consents[which].verdict = Verdict.REJECTED

    def _answer(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        if step == "garbage":
            return {"verdict": "unknown"}
        answers = {
            "consent": self._consent,
            "authorise": self._exchange if self.declaration.after_return else self._start,
            "confirm_funds": self._funds,
            "submit": self._pay,
        }
        if body["kind"] in answers:
            return answers[body["kind"]](body, step)
        asked = self._known if self.declaration.after_return is None else super(PayerBank, self)._answer
        return asked(body, step)

    def _consent(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        if step == "reject":
            return {"verdict": "rejected", "reason": "account_blocked"}
        known = [each for each in self.consents if each.call["key"] == body["key"]]
        if not known:
            known = [Consent(id=f"C-{len(self.consents)}", call=body)]
            self.consents.append(known[0])
        told = {"consent": known[0].id, "verdict": "needs_authorisation", **_echo(body, step)}
        if step == "executes":
            known[0].verdict = Verdict.ACCEPTED
            self._submit(body, "ok")
            told["verdict"] = "accepted"
        return told if self.declaration.after_return else {**told, "bank_reference": known[0].id}

    def _exchange(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        consent = next(each for each in self.consents if each.id == body["consent"])
        if step == "reject" or consent.code_used or consent.code != body["code"]:
            return {"verdict": "rejected", "reason": "unauthorised"}
        consent.code_used, consent.token = True, secrets.token_urlsafe(8)
        named = "another" if step == "another_consent" else consent.id
        return {"verdict": "accepted", "token": consent.token, "lifetime": self.lifetime, "consent": named}

    def _funds(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        consent = next(each for each in self.consents if each.id == body["consent"])
        if consent.token is None or body["access"] != consent.token:
            return {"verdict": "unknown", "code": "no_access"}
        if step == "reject":
            return {"verdict": "rejected", "reason": "insufficient_funds", "code": "none"}
        return {"verdict": "accepted", "code": "enough"}

    def _pay(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        """Whatever is sent under a consent is paid, if it is what the payer saw; twice, if it has two keys."""
        consent = next(each for each in self.consents if each.id == body["consent"])
        seen = {name: consent.call[name] for name in ("reference", "currency", "value")}
        assert seen == {name: body[name] for name in seen}, "not what the payer consented to"
        if consent.token is None or body["access"] != consent.token:
            return {"verdict": "rejected", "reason": "unauthorised"}
        return {**self._told(self._submit(body, step), step), "refund": self.refund}

    def _start(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        consent = next(each for each in self.consents if each.id == body["bank_reference"])
        if step == "reject":
            return {"verdict": "rejected", "reason": "account_blocked"}
        consent.started += 1
        told = {"verdict": consent.verdict.value, "bank_reference": consent.id, **_echo(body, step)}
        return {**told, "url": f"https://bank.example/start/{consent.id}/{consent.started}"}

    def _known(self, body: dict[str, Any], step: str) -> dict[str, Any]:
        found = [each for each in self.consents if each.id == body["bank_reference"]]
        if not found or step == "not_found":
            return {"verdict": "not_found"}
        consent = found[0]
        if body["kind"] == "cancel":
            if consent.verdict is not Verdict.NEEDS_AUTHORISATION or step == "reject":
                return {"verdict": "rejected", "reason": "too_late"}
            consent.verdict = Verdict.CANCELLED
        elif consent.verdict in {Verdict.ACCEPTED, Verdict.SETTLED} and self.settles:
            onward = {Verdict.ACCEPTED: Verdict.SETTLED, Verdict.SETTLED: Verdict.COMPLETED}
            consent.verdict = onward[consent.verdict]
        return {"verdict": consent.verdict.value, "bank_reference": consent.id, **_echo(consent.call, step)}


def _echo(body: dict[str, Any], step: str) -> dict[str, Any]:
    wrong = 100 if step == "wrong_amount" else 1
    return {"reference": body["reference"], "currency": body["currency"], "value": body["value"] * wrong}
