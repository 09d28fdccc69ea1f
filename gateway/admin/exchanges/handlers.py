"""Admins on call read what a bank said."""

from collections.abc import Sequence
from typing import Any

from adapters.contract import Exchange
from adapters.exchanges.history import KeptExchange
from gateway.admin.handlers import before, either, page_of
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from kernel.ids import Environment, Kind, to_text
from payments.view import rfc3339


async def list_consent_exchanges(services: AdminServices, call: Call) -> Reply:
    """Of one consent, whosever it is."""
    environment, consent_id = either(call.path_text("consent_id"), Kind.CONSENT)
    which = (environment, consent_id, before(call, Kind.EXCHANGE), call.query.limit)
    return _page(call, environment, await services.public.accounts.exchanges(*which))


async def list_payment_exchanges(services: AdminServices, call: Call) -> Reply:
    """Of one payment, whosever it is."""
    environment, payment_id = either(call.path_text("payment_id"), Kind.PAYMENT)
    which = (environment, payment_id, before(call, Kind.EXCHANGE), call.query.limit)
    return _page(call, environment, await services.public.payments.exchanges(*which))


def _page(call: Call, environment: Environment, found: Sequence[KeptExchange]) -> Reply:
    return page_of(call, [_shown(each, environment) for each in found])


def _shown(each: KeptExchange, environment: Environment) -> dict[str, Any]:
    return {
        "id": to_text(Kind.EXCHANGE, each.id, environment),
        "object": "bank_exchange",
        "kind": each.kind,
        "at": rfc3339(each.at),
        "outcome": each.outcome,
        "status_code": each.status_code,
        "duration_ms": each.duration_us / 1000,
        "request": None if each.exchange is None else _asked(each.exchange),
        "response": None if each.exchange is None else _said(each.exchange),
    }


def _asked(exchange: Exchange) -> dict[str, Any]:
    head = exchange.head
    shown = {name: head.get(name, "") for name in ("method", "host", "path")}
    return {**shown, "headers": head.get("headers", {}), "body": _text(exchange.request_body)}


def _said(exchange: Exchange) -> dict[str, Any]:
    return {"headers": exchange.head.get("reply_headers", {}), "body": _text(exchange.reply_body)}


def _text(body: bytes) -> str:
    """Bytes that are no UTF-8 are shown as replacement marks."""
    return body.decode("utf-8", "replace")
