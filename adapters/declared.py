"""Does a declaration agree with itself? Recovery trusts what is declared, so a contradiction stops the start."""

import re
from collections.abc import Iterator

from adapters.declaration import FRESH_HEADERS, AuthProfile, Declaration, OperationKind, Recovery
from adapters.signing import profiles
from kernel.money import exponent_of

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]+)+")
# Our own references and keys have this form; a bank that cannot take them cannot be asked about them later.
_END_TO_END_LENGTH = 35
_KEY_LENGTH = 26
_REFERENCE_EXAMPLE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEY_EXAMPLE = _REFERENCE_EXAMPLE.lower()
_QUESTIONS = frozenset({OperationKind.ENQUIRE, OperationKind.ENQUIRE_AUTHORISATION, OperationKind.CONFIRM_FUNDS})
_AUTH_SETTINGS = {
    AuthProfile.NONE: frozenset[str](),
    AuthProfile.BEARER_STATIC: frozenset({"token"}),
    AuthProfile.OAUTH_CLIENT_CREDENTIALS: frozenset({"token_url", "client_id", "client_secret"}),
    AuthProfile.OAUTH_PRIVATE_KEY_JWT: frozenset({"token_url", "client_id", "signing_key_id", "signing_key"}),
}


def declaration_problems(declaration: Declaration) -> list[str]:
    """Every contradiction: the declaration's field, a colon, and one sentence."""
    checks = (_naming, _recovery, _journey, _idempotency, _payment, _cut_offs, _timing, _engine, _variants)
    return [problem for check in checks for problem in check(declaration)]


def _naming(declaration: Declaration) -> Iterator[str]:
    if not _NAME.fullmatch(declaration.name):
        yield "name: the name must be 2 to 40 of a-z, 0-9 and _"
    for field in ("title", "mapping_version"):
        if not getattr(declaration, field):
            yield f"{field}: must be given"
    for path in declaration.paths:
        if not _PATH.fullmatch(path):
            yield "paths: each begins with a slash, ends without one and holds nothing but segments"


def _recovery(declaration: Declaration) -> Iterator[str]:
    changing = declaration.operations - _QUESTIONS
    harmless = set(declaration.journey[: _place(declaration.journey, declaration.arms)])
    for kind in sorted(changing - harmless - set(declaration.recovery)):
        yield f"recovery: {kind} has no recovery"
    for kind in sorted(set(declaration.recovery) - changing):
        yield f"recovery: is declared for {kind}, which is not an operation here that changes something"
    strategies = set(declaration.recovery.values())
    if Recovery.ENQUIRE in strategies and OperationKind.ENQUIRE not in declaration.operations:
        yield "operations: recovery by enquiry needs the operation enquire"
    if OperationKind.ENQUIRE in declaration.operations and not declaration.enquiry_keys:
        yield "enquiry_keys: the operation enquire needs one"
    if Recovery.RESEND in strategies and declaration.idempotency is None:
        yield "idempotency: recovery by resend needs idempotency"


def _journey(declaration: Declaration) -> Iterator[str]:
    journey = declaration.journey
    if not declaration.operations:
        return
    if not journey or len(set(journey)) != len(journey) or not set(journey) <= declaration.operations:
        yield "journey: names operations of the protocol, each once"
    if declaration.arms not in journey:
        yield "arms: what arms a payment must stand in its journey"
    asks = _place(journey, OperationKind.CONFIRM_FUNDS)
    if asks < len(journey) and asks + 1 != _place(journey, declaration.arms):
        yield "journey: funds are confirmed just before what arms a payment"
    after = declaration.after_return
    if after is not None and (after not in journey[1:] or journey.index(after) > _place(journey, declaration.arms)):
        yield "after_return: must stand in the journey, not first, and not after what arms the payment"


def _place(journey: tuple[OperationKind, ...], kind: OperationKind) -> int:
    return journey.index(kind) if kind in journey else len(journey)


def _idempotency(declaration: Declaration) -> Iterator[str]:
    rules = declaration.idempotency
    if rules is None:
        return
    if rules.max_length < _KEY_LENGTH or not _fits(rules.charset, _KEY_EXAMPLE):
        yield f"idempotency: keys must be able to hold {_KEY_LENGTH} characters of a-z and 0-9"
    if rules.window_seconds <= declaration.lease_seconds:
        yield "idempotency: the window must be longer than one call with its processing time"


def _payment(declaration: Declaration) -> Iterator[str]:
    if declaration.arms not in declaration.operations:
        return
    for field in ("currencies", "accounts", "rails"):
        if not getattr(declaration, field):
            yield f"{field}: payments need at least one"
    limit = declaration.fields.get("/end_to_end_id")
    if limit is None or limit.max_length < _END_TO_END_LENGTH or not _fits(limit.charset, _REFERENCE_EXAMPLE):
        yield f"fields: /end_to_end_id must be able to hold {_END_TO_END_LENGTH} characters of A-Z and 0-9"
    for code, rule in declaration.currencies.items():
        if not _known(code) or not 0 <= rule.exponent <= 4 or not 0 < rule.value_min <= rule.value_max:
            yield f"currencies: {code} is not ISO 4217 or has limits that cannot be met"
    for pointer, each in declaration.fields.items():
        if not pointer.startswith("/") or not 0 <= each.min_length <= each.max_length or not _compiles(each.charset):
            yield f"fields: the limit of {pointer} cannot be met"


def _cut_offs(declaration: Declaration) -> Iterator[str]:
    for each in declaration.cut_offs:
        if each.currency not in declaration.currencies:
            yield f"cut_offs: one is for {each.currency}, in which the bank does not pay"
        if not _TIME_OF_DAY.fullmatch(each.at) or not _ZONE.fullmatch(each.time_zone):
            yield "cut_offs: each is HH:MM in a time zone such as Europe/London"


def _timing(declaration: Declaration) -> Iterator[str]:
    deadlines = declaration.deadlines
    if not 0 < deadlines.connect_seconds <= deadlines.total_seconds:
        yield "deadlines: the connect deadline must be positive and within the total"
    if not 0 < deadlines.first_byte_seconds <= deadlines.total_seconds:
        yield "deadlines: the first-byte deadline must be positive and within the total"
    if not declaration.poll_seconds or min(declaration.poll_seconds) <= 0:
        yield "poll_seconds: must be given and positive"
    if declaration.silent_after_seconds <= 0:
        yield "silent_after_seconds: must be positive"
    after = declaration.absence_proven_after_seconds
    if after is not None and after < declaration.lease_seconds:
        yield f"absence_proven_after_seconds: a call may be processed for {declaration.lease_seconds:g} s"


def _engine(declaration: Declaration) -> Iterator[str]:
    if not set(declaration.fresh_headers) <= FRESH_HEADERS:
        yield f"fresh_headers: can be {', '.join(sorted(FRESH_HEADERS))}"
    if declaration.signing not in profiles():
        yield f"signing: the profiles are {', '.join(sorted(profiles()))}"
    missing = _AUTH_SETTINGS[declaration.auth] - {each.name for each in declaration.settings}
    for name in sorted(missing):
        yield f"settings: the auth profile {declaration.auth} needs the setting {name}"


def _variants(declaration: Declaration) -> Iterator[str]:
    options = {each.name for each in declaration.settings if not each.secret}
    for variant in declaration.variants:
        if variant.option not in options:
            yield f"settings: a variant needs the option {variant.option}"
        varied = declaration.at({variant.option: variant.value})
        yield from (f"{problem} (with {variant.option}={variant.value})" for problem in declaration_problems(varied))


def _fits(charset: str, example: str) -> bool:
    return _compiles(charset) and re.fullmatch(f"[{charset}]*", example) is not None


def _compiles(charset: str) -> bool:
    try:
        re.compile(f"[{charset}]")
    except re.error:
        return False
    return True


def _known(code: str) -> bool:
    try:
        exponent_of(code)
    except ValueError:
        return False
    return True
