"""Accounts, balances and transactions: from calls to the accounts room and back."""

from accounts.reading.book import AccountFilter
from accounts.reading.reader import Freshness, Wanted
from gateway.handlers.accounts.asking import id_cursor, payer_of
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Kind, to_text


async def list_accounts(services: Services, call: Call) -> Reply:
    """Numbers and names are masked."""
    asked, payer = call.query, payer_of(call)
    consent_id = None if asked.consent_id is None else call.sent_id(asked.consent_id, Kind.CONSENT, "/consent_id")
    merchant_id = None
    if asked.merchant_id is not None or consent_id is None:
        merchant_id = call.maybe_id(asked.merchant_id, Kind.MERCHANT, "/merchant_id")
    wanted = AccountFilter(
        limit=asked.limit, after=id_cursor(call, Kind.ACCOUNT), consent_id=consent_id, merchant_id=merchant_id
    )
    try:
        found = await services.accounts.accounts(call.caller.tenant, wanted, payer)
    except NotFound:
        raise call.unknown(Kind.CONSENT, "/consent_id") from None
    cursor = found.next_cursor
    text = None if cursor is None else to_text(Kind.ACCOUNT, cursor, call.caller.tenant.environment)
    return Reply(page(found.data, text))


async def read_balances(services: Services, call: Call) -> Reply:
    """From what is kept while it is young enough, else from the bank."""
    asked = Freshness(max_age=call.query.max_age, max_stale=call.query.max_stale)
    account_id = call.path_id("account_id", Kind.ACCOUNT)
    return Reply(await services.accounts.balances(call.caller.tenant, account_id, asked, payer_of(call)))


async def read_transactions(services: Services, call: Call) -> Reply:
    """Always from the bank; nothing of it is kept."""
    asked = call.query
    if asked.cursor is not None and (asked.booked_from is not None or asked.booked_to is not None):
        message = "A cursor holds the days of its first page: send it without booked_from and booked_to."
        raise Invalid([FieldError(pointer="/cursor", code="conflicting", message=message)])
    if asked.booked_from is not None and asked.booked_to is not None and asked.booked_to < asked.booked_from:
        message = "must not lie before booked_from"
        raise Invalid([FieldError(pointer="/booked_to", code="out_of_range", message=message)])
    wanted = Wanted(booked_from=asked.booked_from, booked_to=asked.booked_to, cursor=asked.cursor)
    account_id = call.path_id("account_id", Kind.ACCOUNT)
    return Reply(await services.accounts.transactions(call.caller.tenant, account_id, wanted, payer_of(call)))
