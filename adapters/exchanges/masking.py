"""What is shown of an exchange: enough to tell what the bank said, and nothing that opens something.

The engine has masked credentials already. Here go the address and the browser of the person, and what follows the host
in addresses: one of them lets its bearer act for that person.
"""

import re
from dataclasses import replace
from typing import Any

from adapters.contract import Exchange

_MASK = "••••"
_PERSONAL = frozenset(
    {"psu-ip-address", "psu-ip-port", "psu-user-agent", "x-fapi-customer-ip-address", "x-customer-user-agent"}
)
# What follows the host of an address, also as JSON may write it, with its slashes escaped.
_ADDRESS = re.compile(rb'(https?:(?:\\?/){2}[^\s"<>?#/\\]+)(?:\\?/|[?#])[^\s"<>]*')


def without_person(exchange: Exchange) -> Exchange:
    """The exchange with those masked, in both heads and both bodies. Masking again changes nothing."""
    head = {name: _headers(value) if name.endswith("headers") else value for name, value in exchange.head.items()}
    return replace(
        exchange,
        head=head,
        request_body=_hosts_only(exchange.request_body),
        reply_body=_hosts_only(exchange.reply_body),
    )


def _headers(headers: Any) -> dict[str, str]:
    return {name: _MASK if name.lower() in _PERSONAL else _plain(value) for name, value in headers.items()}


def _plain(value: str) -> str:
    return _hosts_only(value.encode()).decode()


def _hosts_only(text: bytes) -> bytes:
    return _ADDRESS.sub(rb"\1/" + _MASK.encode(), text)
