"""Consents of account holders, and what can be read under them."""

from gateway.handlers.accounts import consents, reads
from gateway.http.route import Family, Route
from gateway.oauth.scopes import Scope
from gateway.schemas.accounts.consents import ConsentFilter, ConsentIn, ConsentOut
from gateway.schemas.accounts.reads import (
    AccountFilter,
    AccountOut,
    BalancesOut,
    BalancesQuery,
    TransactionsOut,
    TransactionsQuery,
)
from gateway.schemas.pages import Page
from gateway.services import Services

_CONSENTS: Family[Services] = Family(tag="consents", reads=Scope.ACCOUNTS_READ, writes=Scope.ACCOUNTS_WRITE)
_ACCOUNTS: Family[Services] = Family(tag="accounts", reads=Scope.ACCOUNTS_READ, writes=Scope.ACCOUNTS_WRITE)
_REFUSES = ("consent_not_authorised", "bank_refused", "bank_read_limit", "bank_unavailable")

ACCOUNTS: tuple[Route[Services], ...] = (
    _CONSENTS.post(
        "/v1/consents",
        consents.ask_consent,
        "Ask an account's holder for consent to read their accounts; a repeated key answers the same consent.",
        request=ConsentIn,
        response=ConsentOut,
        status=201,
        others={202: ConsentOut},
        once=True,
        gives=("Location", "Idempotent-Replayed"),
    ),
    _CONSENTS.get(
        "/v1/consents",
        consents.list_consents,
        "List consents, newest first.",
        query=ConsentFilter,
        response=Page[ConsentOut],
    ),
    _CONSENTS.get("/v1/consents/{consent_id}", consents.get_consent, "Read one consent.", response=ConsentOut),
    _CONSENTS.delete(
        "/v1/consents/{consent_id}",
        consents.end_consent,
        "End a consent: nothing is read under it from now on, and the bank is told until it has heard.",
    ),
    _ACCOUNTS.get(
        "/v1/accounts",
        reads.list_accounts,
        "List accounts, oldest first: those of one consent, or all that are known under consents in force.",
        query=AccountFilter,
        response=Page[AccountOut],
        refuses=_REFUSES,
        payer=True,
    ),
    _ACCOUNTS.get(
        "/v1/accounts/{account_id}/balances",
        reads.read_balances,
        "Read an account's balances, with the time that they are of.",
        query=BalancesQuery,
        response=BalancesOut,
        refuses=_REFUSES,
        payer=True,
    ),
    _ACCOUNTS.get(
        "/v1/accounts/{account_id}/transactions",
        reads.read_transactions,
        "Read an account's transactions, page by page as its bank gives them.",
        query=TransactionsQuery,
        response=TransactionsOut,
        refuses=_REFUSES,
        payer=True,
    ),
)
