"""What is shown of an exchange: enough to tell what the bank said, and nothing that opens something.

The engine has masked credentials already. Here go the address and the browser of the person, what follows the host in
addresses, for one of them lets its bearer act for that person, and whose accounts they are: of an account number its
last four characters stay, of a name its first letter.
"""

import json
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import orjson

from adapters.contract import Exchange
from adapters.reading.iban import is_iban
from kernel.masked import AccountNumber, Masked

_MASK = "••••"
_PERSONAL = frozenset(
    {"psu-ip-address", "psu-ip-port", "psu-user-agent", "x-fapi-customer-ip-address", "x-customer-user-agent"}
)
# What follows the host of an address, also as JSON may write it, with its slashes escaped.
_ADDRESS = re.compile(rb'(https?:(?:\\?/){2}[^\s"<>?#/\\]+)(?:\\?/|[?#])[^\s"<>]*')


# What may be an IBAN (ISO 13616), or a sort code with an account number, whoever named it.
_ACCOUNT = re.compile(rb"\b(?:[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}|[0-9]{14})\b")


def without_person(exchange: Exchange, known: Collection[Masked] = ()) -> Exchange:
    """The exchange with those masked, in both heads and both bodies. Masking again changes nothing.

    `known` are values that are to be masked wherever they stand, such as names.
    """
    head = {name: _headers(value) if name.endswith("headers") else value for name, value in exchange.head.items()}
    return replace(
        exchange,
        head=head,
        request_body=_without(exchange.request_body, known),
        reply_body=_without(exchange.reply_body, known),
    )


def _headers(headers: Any) -> dict[str, str]:
    return {name: _MASK if name.lower() in _PERSONAL else _plain(value) for name, value in headers.items()}


def _plain(value: str) -> str:
    return _hosts_only(value.encode()).decode()


def _hosts_only(text: bytes) -> bytes:
    return _ADDRESS.sub(rb"\1/" + _MASK.encode(), text)


def _without(body: bytes, known: Collection[Masked]) -> bytes:
    body = _ACCOUNT.sub(_masked_account, _hosts_only(body))
    for value in known:
        for written in _ways(value.reveal()):
            body = re.sub(rb"(?<!\w)%b(?!\w)" % re.escape(written), value.masked().encode(), body)
    return body


def _masked_account(found: re.Match[bytes]) -> bytes:
    text = found[0].decode()
    return AccountNumber(text).masked().encode() if text.isdecimal() or is_iban(text) else found[0]


def _ways(value: str) -> set[bytes]:
    """How a value may be written in a body: as it is, and as JSON writes it, with and without what is no ASCII."""
    return {value.encode(), orjson.dumps(value)[1:-1], json.dumps(value)[1:-1].encode()} - {b""}
