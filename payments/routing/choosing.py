"""Chooses a bank: who cannot take the payment is excluded, the others are put in order. Pure.

The order: banks that are not known to fail, then those whose cut-off has not passed, then as the partner named them,
then by their ids, so that the same facts always choose the same bank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.declaration import CutOff
from kernel.errors import FieldError
from kernel.money import Money
from payments.banks import ConfiguredBank
from payments.banks.health import Condition, Health
from payments.routing.rule import Considered, Decision, Rule, Why

_OF_HEALTH = {
    Condition.HEALTHY: Why.HEALTHY,
    Condition.IDLE: Why.NOT_KNOWN_TO_FAIL,
    Condition.FAILING: Why.FAILING,
    Condition.PAUSED: Why.PAUSED,
}
_WORSE = (Why.FAILING, Why.PAUSED)
_OF_ERRORS: Mapping[tuple[str, str], Why] = {
    ("/amount/currency", "not_supported"): Why.CURRENCY_NOT_SUPPORTED,
    ("/amount/value", "out_of_range"): Why.AMOUNT_OUT_OF_RANGE,
    ("/amount/value", "too_precise"): Why.AMOUNT_OUT_OF_RANGE,
    ("/creditor/account", "not_supported"): Why.ACCOUNT_NOT_SUPPORTED,
    ("/return_url", "required"): Why.RETURN_URL_NEEDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A bank with how it fares, and the fields of this payment that it would not take."""

    bank: ConfiguredBank
    health: Health
    errors: Sequence[FieldError] = ()


def choose(rule: Rule, amount: Money, candidates: Sequence[Candidate], now: datetime) -> Decision:
    """All banks that the rule lets be used, in order, with their reasons."""
    named = [each for each in candidates if not rule.banks or each.bank.bank.id in rule.banks]
    judged = [(each, _excluding(rule, each, amount, now) or _ranking(each, amount, now)) for each in named]
    ordered = sorted(judged, key=lambda pair: _place(rule, *pair))
    eligible = [each for each, reasons in ordered if _considered(each, reasons).eligible]
    return Decision(considered=tuple(_told(each, reasons, eligible) for each, reasons in ordered))


def after_cut_off(cut_offs: Sequence[CutOff], currency: str, now: datetime) -> bool:
    """Whether today's time for this currency has passed; a bank that names none has none."""
    for each in cut_offs:
        if each.currency == currency:
            local = now.astimezone(ZoneInfo(each.time_zone))
            return f"{local:%H:%M}" >= each.at
    return False


def _excluding(rule: Rule, candidate: Candidate, amount: Money, now: datetime) -> tuple[Why, ...]:
    bank = candidate.bank
    declared, reasons = bank.declaration, dict.fromkeys(_of_error(each) for each in candidate.errors)
    if bank.suspended:
        reasons[Why.SUSPENDED] = None
    if rule.rail is not None and rule.rail not in declared.rails_at(bank.bank.settings.options):
        reasons[Why.RAIL_NOT_SUPPORTED] = None
    if not rule.needs <= declared.operations:
        reasons[Why.OPERATION_NOT_SUPPORTED] = None
    if rule.same_day and after_cut_off(declared.cut_offs, amount.currency, now):
        reasons[Why.AFTER_CUT_OFF_EXCLUDED] = None
    return tuple(reasons)


def _of_error(error: FieldError) -> Why:
    return _OF_ERRORS.get((error.pointer, error.code), Why.FIELD_NOT_ACCEPTED)


def _ranking(candidate: Candidate, amount: Money, now: datetime) -> tuple[Why, ...]:
    health = _OF_HEALTH[candidate.health.condition(suspended=False)]
    late = after_cut_off(candidate.bank.declaration.cut_offs, amount.currency, now)
    return (health, Why.AFTER_CUT_OFF) if late else (health,)


def _considered(candidate: Candidate, reasons: tuple[Why, ...]) -> Considered:
    wrong = [each.pointer for each in candidate.errors if _of_error(each) is Why.FIELD_NOT_ACCEPTED and each.pointer]
    return Considered(bank_id=candidate.bank.bank.id, reasons=reasons, fields=tuple(dict.fromkeys(wrong)))


def _place(rule: Rule, candidate: Candidate, reasons: tuple[Why, ...]) -> tuple[object, ...]:
    bank_id = candidate.bank.bank.id
    named = rule.banks.index(bank_id) if bank_id in rule.banks else 0
    excluded = not _considered(candidate, reasons).eligible
    worse = next((1 + number for number, why in enumerate(_WORSE) if why in reasons), 0)
    return (excluded, worse, Why.AFTER_CUT_OFF in reasons, named, bank_id)


def _told(candidate: Candidate, reasons: tuple[Why, ...], eligible: Sequence[Candidate]) -> Considered:
    """Among several that can, the first is told as preferred; the others as less so."""
    if candidate in eligible and len(eligible) > 1:
        reasons = (*reasons, Why.PREFERRED if candidate is eligible[0] else Why.LESS_PREFERRED)
    return _considered(candidate, reasons)
