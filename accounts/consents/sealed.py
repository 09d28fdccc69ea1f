"""The sealed parts of a consent: what its holder is sent out with, where to, and the access that came of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import orjson

from adapters.contract import Grant, Handshake, Payer
from kernel.masked import Masked, Secret

Context = Callable[[UUID], bytes]


def _context(name: str) -> Context:
    return lambda consent_id: b"account_consents." + name.encode() + b":" + consent_id.bytes


# What binds each sealed value to its row.
terms_context = _context("terms")
url_context = _context("url")
code_context = _context("code")
grant_context = _context("grant")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms:
    """Where the holder is sent back to, who they are as the partner saw them, and what binds their return."""

    return_url: Masked
    payer: Payer
    handshake: Handshake = field(repr=False)

    def to_json(self) -> bytes:
        """The terms as bytes to seal: this is the one place where they leave their types."""
        shake = self.handshake
        return orjson.dumps(
            {
                "return_url": self.return_url.reveal(),
                "ip_address": _reveal(self.payer.ip_address),
                "user_agent": _reveal(self.payer.user_agent),
                "redirect_uri": shake.redirect_uri,
                "state": shake.state.reveal(),
                "nonce": shake.nonce.reveal(),
                "code_verifier": shake.code_verifier.reveal(),
            }
        )

    @classmethod
    def from_json(cls, opened: bytes) -> Self:
        """The terms that `to_json` wrote."""
        raw: dict[str, Any] = orjson.loads(opened)
        return cls(
            return_url=Masked(raw["return_url"]),
            payer=Payer(ip_address=_masked(raw["ip_address"]), user_agent=_masked(raw["user_agent"])),
            handshake=Handshake(
                redirect_uri=raw["redirect_uri"],
                state=Secret(raw["state"]),
                nonce=Secret(raw["nonce"]),
                code_verifier=Secret(raw["code_verifier"]),
            ),
        )


def state_digest(state: Secret) -> bytes:
    """By what a consent is found when its holder comes back: SHA-256 of the state."""
    return hashlib.sha256(state.reveal().encode()).digest()


def grant_to_json(grant: Grant) -> bytes:
    """The access as bytes to seal."""
    return orjson.dumps({"access": grant.access_token.reveal(), "refresh": _reveal(grant.refresh_token)})


def grant_from_json(opened: bytes) -> Grant:
    """The access that `grant_to_json` wrote, without its lifetime: the row knows when it ends."""
    raw: dict[str, Any] = orjson.loads(opened)
    refresh = None if raw["refresh"] is None else Secret(raw["refresh"])
    return Grant(access_token=Secret(raw["access"]), refresh_token=refresh)


def access_end(grant: Grant, now: datetime) -> datetime | None:
    """When the access ends; None where the bank did not say."""
    seconds = grant.lifetime_seconds
    return None if seconds is None else now + timedelta(seconds=seconds)


def _reveal(value: Masked | None) -> str | None:
    return None if value is None else value.reveal()


def _masked(value: str | None) -> Masked | None:
    return None if value is None else Masked(value)
