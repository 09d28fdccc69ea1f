"""What answers about accounts bring."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.contract.accounts import (
    Balance,
    BankAccount,
    BankTransaction,
    ConsentStatus,
    Reading,
    ReadingKind,
    Trouble,
)
from adapters.contract.authorisation import Authorisation
from adapters.open_banking_uk.accounts.words import BALANCES, BOOKINGS, CONSENTS, TROUBLES
from adapters.open_banking_uk.reading.payments import error_codes
from adapters.open_banking_uk.reading.strict import account_of, data_of, money
from adapters.open_banking_uk.reading.tokens import error_of, grant_of, intent_of
from adapters.open_banking_uk.tables.errors import ERRORS, WORD_OF_CODE
from adapters.reading.retry_after import retry_after_seconds
from adapters.reading.strict import Unreadable, as_objects, code_of, id_of, read_object, time_of
from adapters.wire import WireReply
from kernel.masked import Masked, PersonName

_SIGNS = {"Credit": 1, "Debit": -1}
_BY_PAYER = frozenset({ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS})
_OF_TOKENS = frozenset({ReadingKind.AUTHORISE, ReadingKind.REFRESH})
_ROOT = "/open-banking/"


def trouble(kind: ReadingKind, reply: WireReply) -> Reading:
    """Why an answer brings nothing. Never raises."""
    if kind in _OF_TOKENS:
        code = error_of(reply)
        burnt = reply.status == 400 and code == "invalid_grant"
        why = Trouble.CONSENT_NOT_USABLE if burnt else Trouble.UNREADABLE
    else:
        codes = error_codes(reply)
        code = codes[0] if codes else None
        why = _why(kind, reply.status, code)
    return Reading(trouble=why, raw_code=code, retry_after_seconds=retry_after_seconds(reply.headers))


def _why(kind: ReadingKind, status: int, code: str | None) -> Trouble:
    if status == 429:
        return Trouble.TOO_MANY_READS
    if status in {401, 403} and kind in _BY_PAYER:
        return Trouble.CONSENT_NOT_USABLE
    if status != 400 or code not in ERRORS:
        return Trouble.UNREADABLE
    return TROUBLES.get(WORD_OF_CODE.get(code, code), Trouble.REFUSED)


def _consent_made(reply: WireReply) -> Reading:
    status, data = _consent(reply, 201)
    waits = status is ConsentStatus.AWAITING_AUTHORISATION
    return Reading(
        consent_status=status,
        consent_id=id_of(data.get("ConsentId")),
        expires_at=time_of(data.get("ExpirationDateTime")),
        authorisation=Authorisation() if waits else None,
    )


def _consent_shown(reply: WireReply) -> Reading:
    status, data = _consent(reply, 200)
    expires_at = time_of(data.get("ExpirationDateTime"))
    return Reading(consent_status=status, consent_id=id_of(data.get("ConsentId")), expires_at=expires_at)


def _consent_ended(reply: WireReply) -> Reading:
    if reply.status != 204:
        raise Unreadable
    return Reading(consent_status=ConsentStatus.REVOKED)


def _access(reply: WireReply) -> Reading:
    return Reading(grant=grant_of(reply), consent_id=intent_of(reply))


def _accounts(reply: WireReply) -> Reading:
    listed = _listed(reply, "Account")
    return Reading(accounts=tuple(_account(each) for each in listed), next_page=_next(reply))


def _balances(reply: WireReply) -> Reading:
    listed = _listed(reply, "Balance")
    balances = tuple(_balance(each) for each in listed)
    return Reading(balances=balances, account_id=_of_one(listed), next_page=_next(reply))


def _transactions(reply: WireReply) -> Reading:
    listed = _listed(reply, "Transaction")
    transactions = tuple(_transaction(each) for each in listed)
    return Reading(transactions=transactions, account_id=_of_one(listed), next_page=_next(reply))


def _of_one(listed: list[dict[str, Any]]) -> str | None:
    """The account that every entry names. Raises Unreadable where they name several."""
    named = {id_of(each["AccountId"]) for each in listed if "AccountId" in each}
    if len(named) > 1:
        raise Unreadable
    return next(iter(named), None)


def _consent(reply: WireReply, status: int) -> tuple[ConsentStatus, dict[str, Any]]:
    data = _data(reply, status)
    word = data.get("Status")
    if not isinstance(word, str) or word not in CONSENTS:
        raise Unreadable
    return CONSENTS[word], data


def _account(raw: dict[str, Any]) -> BankAccount:
    names = as_objects(raw.get("Account", []))
    known = [(account, each) for each in names if (account := account_of(each)) is not None]
    account, told = known[0] if known else (None, {})
    return BankAccount(
        id=id_of(raw.get("AccountId")),
        currency=_currency(raw.get("Currency")),
        scheme=account.scheme if account else None,
        iban=account.iban if account else None,
        sort_code=account.sort_code if account else None,
        account_number=account.account_number if account else None,
        name=_name(told.get("Name")),
        product=_text(raw.get("Description")) or _text(raw.get("Nickname")),
    )


def _balance(raw: dict[str, Any]) -> Balance:
    amount, word = money(raw.get("Amount")), raw.get("Type")
    if not isinstance(word, str) or word not in BALANCES:
        raise Unreadable
    return Balance(
        kind=BALANCES[word],
        currency=amount.currency,
        value=_sign(raw) * amount.value,
        at=time_of(raw.get("DateTime")),
        raw_kind=word,
    )


def _transaction(raw: dict[str, Any]) -> BankTransaction:
    word, is_credit = raw.get("Status"), _sign(raw) > 0
    if not isinstance(word, str) or word not in BOOKINGS:
        raise Unreadable
    other = raw.get("DebtorAccount" if is_credit else "CreditorAccount")
    text = _text(raw.get("TransactionInformation"))
    return BankTransaction(
        amount=money(raw.get("Amount")),
        is_credit=is_credit,
        status=BOOKINGS[word],
        id=id_of(raw["TransactionId"]) if raw.get("TransactionId") is not None else None,
        booked_at=time_of(raw.get("BookingDateTime")),
        value_at=time_of(raw.get("ValueDateTime")),
        counterparty=_name(other.get("Name")) if isinstance(other, dict) else None,
        text=None if text is None else Masked(text),
        bank_code=_bank_code(raw),
    )


def _bank_code(raw: dict[str, Any]) -> str | None:
    own, iso = raw.get("ProprietaryBankTransactionCode"), raw.get("BankTransactionCode")
    if isinstance(own, dict) and code_of(own.get("Code")):
        return code_of(own.get("Code"))
    codes = [code_of(iso.get("Code")), code_of(iso.get("SubCode"))] if isinstance(iso, dict) else []
    return "/".join(code for code in codes if code) or None


def _sign(raw: dict[str, Any]) -> int:
    indicator = raw.get("CreditDebitIndicator")
    if not isinstance(indicator, str) or indicator not in _SIGNS:
        raise Unreadable
    return _SIGNS[indicator]


def _listed(reply: WireReply, name: str) -> list[dict[str, Any]]:
    return as_objects(_data(reply, 200).get(name, []))


def _data(reply: WireReply, status: int) -> dict[str, Any]:
    if reply.status != status:
        raise Unreadable
    return data_of(reply.body)


def _next(reply: WireReply) -> str | None:
    """The next page below the base URL. Of the bank's link only path and query are kept: nobody is sent elsewhere."""
    links = read_object(reply.body).get("Links")
    link = links.get("Next") if isinstance(links, dict) else None
    if not isinstance(link, str):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        raise Unreadable from None
    place = parts.path.find(_ROOT)
    if place < 0:
        raise Unreadable
    return parts.path[place:] + (f"?{parts.query}" if parts.query else "")


def _currency(value: object) -> str:
    if not isinstance(value, str) or len(value) != 3 or not value.isalpha() or not value.isupper():
        raise Unreadable
    return value


def _name(value: object) -> PersonName | None:
    text = _text(value)
    return None if text is None else PersonName(text)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


READERS: Mapping[ReadingKind, Callable[[WireReply], Reading]] = {
    ReadingKind.CONSENT: _consent_made,
    ReadingKind.AUTHORISE: _access,
    ReadingKind.REFRESH: _access,
    ReadingKind.CONSENT_STATUS: _consent_shown,
    ReadingKind.CONSENT_END: _consent_ended,
    ReadingKind.ACCOUNTS: _accounts,
    ReadingKind.BALANCES: _balances,
    ReadingKind.TRANSACTIONS: _transactions,
}
