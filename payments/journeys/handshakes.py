"""What a payer is sent to the bank with, and how that is kept. Pure, but for the randomness of its values."""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

import orjson

from adapters.contract import Grant, Handshake
from kernel.masked import Secret

_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A handshake with where the payer gives consent, once that is known, and where they go afterwards."""

    handshake: Handshake = field(repr=False)
    url: Secret | None = None
    return_url: str | None = field(default=None, repr=False)

    def with_code(self, code: str) -> Self:
        """The invitation with the code that the payer brought."""
        return replace(self, handshake=replace(self.handshake, code=Secret(code)))

    def to_json(self) -> bytes:
        """The invitation as bytes to seal: this is the one place where its secrets leave their types."""
        handshake = self.handshake
        kept: dict[str, Any] = {
            "redirect_uri": handshake.redirect_uri,
            "state": handshake.state.reveal(),
            "nonce": handshake.nonce.reveal(),
            "code_verifier": handshake.code_verifier.reveal(),
            "code": _reveal(handshake.code),
            "url": _reveal(self.url),
            "return_url": self.return_url,
        }
        return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, opened: bytes) -> Self:
        """The invitation that `to_json` wrote."""
        raw: dict[str, Any] = orjson.loads(opened)
        handshake = Handshake(
            redirect_uri=raw["redirect_uri"],
            state=Secret(raw["state"]),
            nonce=Secret(raw["nonce"]),
            code_verifier=Secret(raw["code_verifier"]),
            code=_secret(raw["code"]),
        )
        return cls(handshake=handshake, url=_secret(raw["url"]), return_url=raw["return_url"])


def new_handshake(redirect_uri: str) -> Handshake:
    """A handshake that nobody can guess: each value has 256 bits, in the characters of RFC 7636 §4.1."""
    state, nonce, verifier = (Secret(secrets.token_urlsafe(_RANDOM_BYTES)) for _ in range(3))
    return Handshake(redirect_uri=redirect_uri, state=state, nonce=nonce, code_verifier=verifier)


def state_digest(state: str) -> bytes:
    """By what a payer who comes back is found: SHA-256, so that a reader of the table could send nobody."""
    return hashlib.sha256(state.encode()).digest()


def grant_to_json(grant: Grant) -> bytes:
    """The access as bytes to seal; what only prolongs it is not kept, for one payment has one use of it."""
    return orjson.dumps({"access_token": grant.access_token.reveal()})


def access_from_json(opened: bytes) -> Secret:
    """The access that `grant_to_json` wrote."""
    return Secret(orjson.loads(opened)["access_token"])


def handshake_context(authorisation_id: UUID) -> bytes:
    """What binds a sealed invitation to its row of authorisations."""
    return b"authorisations.handshake:" + authorisation_id.bytes


def grant_context(authorisation_id: UUID) -> bytes:
    """What binds sealed access to its row of authorisations."""
    return b"authorisations.grant:" + authorisation_id.bytes


def _reveal(value: Secret | None) -> str | None:
    return None if value is None else value.reveal()


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)
