"""How the bank says things: JSON answers with links, and errors as tppMessages."""

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.simulation.misbehaviour import Answer


class Refused(Exception):
    """The bank refuses a request with one of the standard's codes."""

    def __init__(self, status: int, code: str, path: str | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.path = path

    def answer(self) -> Answer:
        """The refusal as the bank tells it."""
        return error(self.status, self.code, self.path)


def said(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """An honest answer."""
    failure = _messages("PAYMENT_FAILED", None) if status < 300 else b""
    return _answer(status, orjson.dumps(body), failure, headers)


def nothing(status: int = 204) -> Answer:
    """An answer without a body."""
    return _answer(status, b"", _messages("PAYMENT_FAILED", None))


def error(status: int, code: str, path: str | None = None) -> Answer:
    """A refusal with the standard's message."""
    body = _messages(code, path)
    return _answer(status, body, body)


def links(**hrefs: str | None) -> dict[str, dict[str, str]]:
    """The links of an answer; those that are None are left out."""
    return {name: {"href": href} for name, href in hrefs.items() if href is not None}


def _answer(status: int, body: bytes, error_body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status=status, body=body, error_body=error_body, headers=headers or {}, explains_500=False)


def _messages(code: str, path: str | None) -> bytes:
    message = {"category": "ERROR", "code": code, "text": "See the bank's documentation."}
    return orjson.dumps({"tppMessages": [message if path is None else {**message, "path": path}]})
