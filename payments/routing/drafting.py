"""Drafts a payment at the bank that its rule chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from kernel.errors import FieldError, Invalid
from payments.banks import ConfiguredBank
from payments.banks.health import NOTHING_KNOWN, Health, read_health
from payments.intents.drafting import Draft, draft
from payments.model import PaymentRequest, Requester
from payments.routing.choosing import Candidate, choose
from payments.routing.rule import Decision, Rule
from payments.tools import Tools

# A partner that names no bank and no way back expects no payer to be sent out.
_NO_WAY_BACK = FieldError(pointer="/return_url", code="required", message="this bank sends the payer to its pages")


class BankChooser:
    """Tries the payment against every bank of its environment, and takes the best of those that can take it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def draft(self, caller: Requester, request: PaymentRequest, now: datetime) -> Draft:
        """The draft at the chosen bank, with the reasons among its terms.

        Raises Invalid where no bank can take it, or where the rule names one that there is not.
        """
        rule = request.routing or Rule()
        banks = await self._tools.banks.all(caller.tenant.environment, rule.banks)
        if unknown := _unknown_banks(rule, banks):
            raise Invalid(unknown)
        health = await read_health(self._tools.pool)
        drafts: dict[str, Draft] = {}
        candidates = [self._tried(caller, request, bank, now, (health, drafts)) for bank in banks]
        decision = choose(rule, request.amount, candidates, now)
        if decision.chosen is None:
            raise Invalid(_why_not(request, decision))
        return _with_reasons(drafts[decision.chosen], decision)

    def _tried(
        self,
        caller: Requester,
        request: PaymentRequest,
        bank: ConfiguredBank,
        now: datetime,
        known: tuple[Mapping[str, Health], dict[str, Draft]],
    ) -> Candidate:
        health, drafts = known
        bank_id, errors = bank.bank.id, list[FieldError]()
        try:
            drafts[bank_id] = draft(caller, request, bank, now, self._tools.policy.redirect_uri(bank_id))
        except Invalid as invalid:
            errors = list(invalid.errors)
        except ValueError as missing:
            errors = [FieldError(pointer="", code="not_supported", message=str(missing))]
        if bank.declaration.sends_payers and request.return_url is None:
            errors.append(_NO_WAY_BACK)
        return Candidate(bank=bank, health=health.get(bank_id, NOTHING_KNOWN), errors=errors)


def _unknown_banks(rule: Rule, banks: Sequence[ConfiguredBank]) -> list[FieldError]:
    """A misspelt bank left out in silence would send the money another way than the partner meant."""
    known = {each.bank.id for each in banks}
    wrong = [place for place, bank_id in enumerate(rule.banks) if bank_id not in known]
    message = "there is no such bank"
    return [FieldError(pointer=f"/routing/banks/{place}", code="not_found", message=message) for place in wrong]


def _with_reasons(chosen: Draft, decision: Decision) -> Draft:
    terms = replace(chosen.facts.terms, routing=decision.to_json())
    return replace(chosen, facts=replace(chosen.facts, terms=terms))


def _why_not(request: PaymentRequest, decision: Decision) -> list[FieldError]:
    pointer = "/bank_id" if request.routing is None else "/routing"
    message = f"no bank can take this payment ({decision.sentence()})"
    return [FieldError(pointer=pointer, code="no_bank", message=message)]
