"""Pure checks before a bank is called: whether an instruction fits it, and whether its settings do."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.contract import Account, BankSettings, Instruction, Payer
from adapters.declaration import LAST_REPORT, Declaration, FieldLimit, LastWord, SettingForm
from adapters.setting_forms import base_url_problem, form_problem, live_problem
from adapters.signing import Signable, profiles
from kernel.errors import FieldError
from kernel.ids import Environment
from kernel.money import exponent_of

_OF_EVERY_BANK: Mapping[tuple[str, str], SettingForm | None] = {
    ("secrets", "tls_certificate"): SettingForm.CERTIFICATE,
    ("secrets", "tls_key"): SettingForm.PRIVATE_KEY,
    ("options", "tls_ca"): SettingForm.CERTIFICATE,
    ("options", LAST_REPORT): None,
}
# What a signing profile is asked to sign, to learn whether it could: some banks want the date signed.
_TRIAL = Signable(method="POST", path="/", headers={"x-request-id": "trial", "date": "trial"}, body=b"{}")


def field_errors(declaration: Declaration, instruction: Instruction) -> list[FieldError]:
    """Every field of the public payment that this bank would not take; messages name limits, never values."""
    errors = [*_amount_errors(declaration, instruction), *_account_errors(declaration, instruction)]
    return errors + _limit_errors(declaration, _texts(instruction))


def payer_errors(declaration: Declaration, payer: Payer) -> list[FieldError]:
    """Every field of the account holder that this bank needs for a consent, or would not take."""
    return _limit_errors(declaration, _payer_texts(payer))


def _limit_errors(declaration: Declaration, texts: Mapping[str, str | None]) -> list[FieldError]:
    errors = []
    for pointer, value in texts.items():
        limit = declaration.fields.get(pointer)
        if limit is not None and value is not None:
            errors += _text_errors(pointer, value, limit)
        elif limit is not None and limit.required:
            errors.append(_error(pointer, "required", "this bank needs it"))
    return errors


def schedule_errors(declaration: Declaration, execute_at: datetime | None) -> list[FieldError]:
    """A payer is there when the payment is made, not when it is executed: only the bank can keep it until then."""
    if execute_at is None or declaration.schedules or not declaration.sends_payers:
        return []
    return [_error("/execute_at", "not_supported", "this bank takes no payments for later")]


def required_fields(declaration: Declaration) -> dict[str, tuple[str, ...]]:
    """JSON Pointer → of which requests (`payments`, `consents`): what this bank needs and others can do without."""
    needed = {pointer for pointer, limit in declaration.fields.items() if limit.required}
    of_consents = frozenset(_payer_texts(Payer())) if declaration.reads else frozenset()
    return {each: ("payments", "consents") if each in of_consents else ("payments",) for each in sorted(needed)}


def recommended_fields(declaration: Declaration) -> dict[str, tuple[str, ...]]:
    """JSON Pointer → of which requests: without it a payment is made, but its payer ends on a page of ours.

    Where the bank is chosen for a payment, those that send payers out are left out without it.
    """
    return {"/return_url": ("payments",)} if declaration.sends_payers else {}


def setting_errors(declaration: Declaration, settings: BankSettings, environment: Environment) -> list[FieldError]:
    """Every setting that a bank of this protocol lacks or does not know, or that this environment does not take."""
    errors = _url_errors(declaration, settings, environment)
    known = {("secrets" if each.secret else "options", each.name): each for each in declaration.settings}
    given = {("secrets", name) for name in settings.secrets} | {("options", name) for name in settings.options}
    needed = {place for place, each in known.items() if each.required}
    errors += [_error(f"/{place}/{name}", "required", "is required") for place, name in sorted(needed - given)]
    errors += [*_choice_errors(declaration, settings), *_form_errors(declaration, settings)]
    unknown = sorted(given - set(known) - set(_OF_EVERY_BANK))
    for place, name in unknown:
        taken = ", ".join(sorted(each for where, each in {*known, *_OF_EVERY_BANK} if where == place))
        errors.append(_error(f"/{place}/{name}", "unknown", f"is not a setting of this bank; {place} here: {taken}"))
    return errors or _signing_errors(declaration, settings)


def _url_errors(declaration: Declaration, settings: BankSettings, environment: Environment) -> list[FieldError]:
    problem = base_url_problem(settings.base_url, declaration.paths)
    if problem is not None:
        return [_error("/base_url", "invalid", problem)]
    if environment is not Environment.LIVE:
        return []
    urls = {each.name for each in declaration.settings if each.form is SettingForm.URL} & set(settings.options)
    given = {"/base_url": settings.base_url, **{f"/options/{name}": settings.options[name] for name in sorted(urls)}}
    problems = {pointer: live_problem(url) for pointer, url in given.items()}
    return [_error(pointer, "invalid", problem) for pointer, problem in problems.items() if problem is not None]


def _choice_errors(declaration: Declaration, settings: BankSettings) -> list[FieldError]:
    chosen: dict[str, tuple[str, ...]] = {LAST_REPORT: tuple(LastWord)}
    chosen |= {each.name: each.choices for each in declaration.settings if each.choices}
    wrong = sorted(name for name, value in settings.options.items() if name in chosen and value not in chosen[name])
    return [_error(f"/options/{name}", "invalid", f"must be one of: {', '.join(chosen[name])}") for name in wrong]


def _form_errors(declaration: Declaration, settings: BankSettings) -> list[FieldError]:
    forms = {("secrets" if each.secret else "options", each.name): each.form for each in declaration.settings}
    given = {("options", name): value for name, value in settings.options.items()}
    given |= {("secrets", name): value.reveal() for name, value in settings.secrets.items()}
    errors = []
    for (place, name), form in sorted({**_OF_EVERY_BANK, **forms}.items()):
        problem = None if form is None or (place, name) not in given else form_problem(form, given[place, name])
        if problem is not None:
            errors.append(_error(f"/{place}/{name}", "invalid", problem))
    alone = {"tls_certificate", "tls_key"} - set(settings.secrets)
    if len(alone) == 1:
        errors.append(_error(f"/secrets/{alone.pop()}", "required", "a client certificate and its key come together"))
    return errors


def _signing_errors(declaration: Declaration, settings: BankSettings) -> list[FieldError]:
    """A trial: what cannot sign now would leave every payment waiting."""
    profile = profiles().get(declaration.signing)
    try:
        if profile is not None:
            profile.headers(_TRIAL, settings, datetime.fromtimestamp(0, UTC))
    except ValueError as cannot:
        return [_error("", "invalid", str(cannot))]
    return []


def _amount_errors(declaration: Declaration, instruction: Instruction) -> list[FieldError]:
    rule = declaration.currencies.get(instruction.amount.currency)
    if rule is None:
        allowed = ", ".join(sorted(declaration.currencies))
        return [_error("/amount/currency", "not_supported", f"this bank pays in: {allowed}")]
    if not rule.value_min <= instruction.amount.value <= rule.value_max:
        message = f"this bank pays from {rule.value_min} to {rule.value_max} minor units"
        return [_error("/amount/value", "out_of_range", message)]
    unit = 10 ** max(0, exponent_of(instruction.amount.currency) - rule.exponent)
    if instruction.amount.value % unit:
        return [_error("/amount/value", "too_precise", f"this bank pays in steps of {unit} minor units")]
    return []


def _account_errors(declaration: Declaration, instruction: Instruction) -> list[FieldError]:
    errors, debtor = [], instruction.debtor
    if instruction.creditor.account.scheme not in declaration.accounts:
        allowed = ", ".join(sorted(declaration.accounts))
        errors.append(_error("/creditor/account", "not_supported", f"this bank pays to accounts given by: {allowed}"))
    if debtor is not None and f"/debtor/account/{debtor.scheme}" not in declaration.fields:
        # To take no notice of it could mean to pay from another account.
        errors.append(_error("/debtor/account", "not_supported", "this bank takes no such account to pay from"))
    return errors


def _texts(instruction: Instruction) -> dict[str, str | None]:
    return {
        "/creditor/name": instruction.creditor.name.reveal(),
        **_account_texts("/creditor/account", instruction.creditor.account),
        **_account_texts("/debtor/account", instruction.debtor),
        **_payer_texts(instruction.payer or Payer()),
        "/reference": instruction.reference.reveal(),
        "/end_to_end_id": instruction.end_to_end_id,
    }


def _account_texts(pointer: str, account: Account | None) -> dict[str, str | None]:
    iban = account.iban if account else None
    number = account.account_number if account else None
    return {
        f"{pointer}/iban": iban.reveal() if iban else None,
        f"{pointer}/sort_code": account.sort_code if account else None,
        f"{pointer}/routing_number": account.routing_number if account else None,
        f"{pointer}/account_number": number.reveal() if number else None,
    }


def _payer_texts(payer: Payer) -> dict[str, str | None]:
    return {
        "/payer/ip_address": payer.ip_address.reveal() if payer.ip_address else None,
        "/payer/user_agent": payer.user_agent.reveal() if payer.user_agent else None,
    }


def _text_errors(pointer: str, value: str, limit: FieldLimit) -> list[FieldError]:
    errors = []
    if not limit.min_length <= len(value) <= limit.max_length:
        message = f"this bank takes {limit.min_length} to {limit.max_length} characters"
        errors.append(_error(pointer, "length", message))
    if re.fullmatch(f"[{limit.charset}]*", value) is None:
        errors.append(_error(pointer, "charset", f"this bank takes only the characters [{limit.charset}]"))
    return errors


def _error(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)
