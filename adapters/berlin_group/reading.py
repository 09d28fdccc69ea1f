"""Reads this protocol's JSON strictly. What is not exactly as documented is Unreadable, and so proves nothing."""

import re
from decimal import Decimal
from typing import Any

from adapters.reading.strict import Unreadable, as_object, code_of
from adapters.wire import WireReply
from kernel.money import Money

_AMOUNT = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_URL = re.compile(r"https?://[!-~]{1,2000}")


def as_list(value: object, *, needed: bool = False) -> list[Any]:
    """A JSON array; one that is not there is empty unless it is needed. Raises Unreadable."""
    if value is None and not needed:
        return []
    if not isinstance(value, list):
        raise Unreadable
    return value


def money_of(value: object) -> Money:
    """An amount that is not negative. Raises Unreadable."""
    sign, money = signed_money_of(value)
    if sign < 0 and money.value:
        raise Unreadable
    return money


def signed_money_of(value: object) -> tuple[int, Money]:
    """An amount as its sign (1 or -1) and its size. Raises Unreadable."""
    raw = as_object(value)
    text, currency = raw.get("amount"), raw.get("currency")
    if not isinstance(text, str) or _AMOUNT.fullmatch(text) is None:
        raise Unreadable
    if not isinstance(currency, str) or _CURRENCY.fullmatch(currency) is None:
        raise Unreadable
    try:
        return (-1 if text.startswith("-") else 1), Money.from_decimal(currency, abs(Decimal(text)))
    except ValueError:
        raise Unreadable from None


def links_of(body: dict[str, Any]) -> dict[str, str]:
    """The answer's links by name; one without an address is left out. Raises Unreadable."""
    found = {name: link.get("href") for name, link in as_object(body.get("_links", {})).items() if _is_link(link)}
    return {name: href for name, href in found.items() if isinstance(href, str)}


def url_of(href: str) -> str:
    """An address that a browser can open. Raises Unreadable."""
    if _URL.fullmatch(href) is None:
        raise Unreadable
    return href


def error_code(reply: WireReply, body: dict[str, Any]) -> str | None:
    """The code of the first error among the bank's messages, or of its problem document; None for none of them."""
    if "problem+json" in reply.headers.get("content-type", ""):
        return code_of(body.get("code"))
    messages = body.get("tppMessages")
    listed = messages if isinstance(messages, list) else []
    errors = [each for each in listed if isinstance(each, dict) and each.get("category") == "ERROR"]
    return code_of(errors[0].get("code")) if errors else None


def _is_link(link: object) -> bool:
    return isinstance(link, dict)
