"""What a payer's consent at the bank needs: what we send them with, and what the bank gives for it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kernel.masked import Secret


class AuthorisationMethod(StrEnum):
    """How the payer gives consent."""

    REDIRECT = "redirect"  # In a browser, at a URL of the bank.
    DECOUPLED = "decoupled"  # In the bank's own app; nothing is to be opened.


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What binds a payer's return to the journey that sent them out; each value is used once.

    `state` (RFC 6749 §10.12) finds the journey, `nonce` (OpenID Connect Core §3.1.2.1) binds the identity token, and
    `code_verifier` is PKCE's (RFC 7636 §4.1). `code` is the authorisation code, once the payer brought it.
    """

    redirect_uri: str
    state: Secret
    nonce: Secret
    code_verifier: Secret
    code: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The bank waits for the payer. Without `url` there is nothing to open, or it is the adapter's to make."""

    method: AuthorisationMethod = AuthorisationMethod.REDIRECT
    url: Secret | None = None
    expires_at: datetime | None = None

    @property
    def leads_somewhere(self) -> bool:
        """Whether the payer knows by it where to go; else the URL is the adapter's to make."""
        return self.url is not None or self.method is AuthorisationMethod.DECOUPLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The access that a payer's authorisation brought (RFC 6749 §5.1); a lifetime that was not told is None."""

    access_token: Secret
    lifetime_seconds: int | None = None
    refresh_token: Secret | None = field(default=None)
