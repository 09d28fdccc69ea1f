"""The bank's answers in either version: its words, its errors, and its signature under them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from joserfc.jwk import RSAKey

from adapters.open_banking_uk.simulator.credentials import BANK_SIGNER
from adapters.open_banking_uk.tables.errors import WORD_OF_CODE
from adapters.signing.detached_jws import HEADER, TRUST_ANCHOR, protected_header, sign
from adapters.simulation.misbehaviour import Answer

V4, V3 = "v4.0", "v3.1"
VERSIONS = (V4, V3)
_CATEGORIES = {400: "400 BadRequest", 403: "403 Forbidden", 409: "409 Conflict", 500: "500 InternalServerError"}
_BODILESS = frozenset({401, 404, 405, 406, 415, 429})


class Refused(Exception):
    """The request is refused; `code` is version 4.0's, and None where the standard gives the answer no body."""

    def __init__(self, status: int, code: str | None = None, path: str | None = None) -> None:
        super().__init__("the request is refused")
        self.status, self.code, self.path = status, code, path


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How the bank speaks in one exchange; where it signs, with which key, and whether unencoded (RFC 7797)."""

    version: str
    interaction_id: str
    key: RSAKey
    signs: bool = True
    unencoded: bool = False

    def says(self, status: int, value: dict[str, Any]) -> Answer:
        """An answer with a body."""
        body = orjson.dumps(value)
        error = self._error(500, "U000", None)
        return Answer(status=status, body=body, error_body=error, headers=self._headers(body))

    def says_nothing(self, status: int) -> Answer:
        """An answer without a body."""
        return Answer(status=status, body=b"", headers=self._plain(), content_type="application/octet-stream")

    def refuses(self, refused: Refused) -> Answer:
        """The refusal as this version says it."""
        if refused.code is None or refused.status in _BODILESS:
            retry = {"Retry-After": "1"} if refused.status == 429 else {}
            return Answer(
                status=refused.status,
                body=b"",
                headers={**self._plain(), **retry},
                content_type="application/octet-stream",
            )
        body = self._error(refused.status, refused.code, refused.path)
        return Answer(status=refused.status, body=body, error_body=body, headers=self._headers(body))

    def _error(self, status: int, code: str, path: str | None) -> bytes:
        detail = {"ErrorCode": code if self.version == V4 else WORD_OF_CODE[code], "Message": "See the standard."}
        told: dict[str, Any] = {"Errors": [detail if path is None else {**detail, "Path": path}]}
        if self.version == V3:
            told |= {"Code": _CATEGORIES[status], "Message": "The request was refused.", "Id": "simulated"}
        return orjson.dumps(told)

    def _plain(self) -> dict[str, str]:
        return {"x-fapi-interaction-id": self.interaction_id}

    def _headers(self, body: bytes) -> dict[str, str]:
        if not self.signs:
            return self._plain()
        header = protected_header(
            self.key.kid or "", BANK_SIGNER, TRUST_ANCHOR, datetime.now(UTC), unencoded=self.unencoded
        )
        return {**self._plain(), HEADER: sign(body, self.key, header)}


def now_text() -> str:
    """The time as the standard writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
