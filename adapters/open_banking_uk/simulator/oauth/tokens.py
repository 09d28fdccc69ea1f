"""Codes and tokens, in memory: who may do what, and for how long."""

import secrets
import time
from dataclasses import dataclass, field, replace

CODE_SECONDS = 60
ACCESS_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a token opens: the client's own, or by a consent what its giver chose."""

    scope: str
    consent_id: str | None = None
    account_ids: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Code:
    """An authorisation code and everything that its exchange is checked against."""

    access: Access
    redirect_uri: str
    code_challenge: str
    nonce: str
    expires_at: float
    given: list[str] = field(default_factory=list)
    used: bool = False


class Tokens:
    """All codes and tokens of this bank."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._access: dict[str, tuple[Access, float]] = {}
        self._refresh: dict[str, Access] = {}

    def new_code(self, access: Access, redirect_uri: str, code_challenge: str, nonce: str) -> str:
        """A code that can be exchanged once within a minute."""
        text = secrets.token_urlsafe(24)
        self._codes[text] = Code(
            access=access,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            nonce=nonce,
            expires_at=time.monotonic() + CODE_SECONDS,
        )
        return text

    def confuse(self, text: str) -> None:
        """Let the code open what another consent allows, as a bank does that takes one payer for another."""
        if (code := self._codes.get(text)) is not None:
            code.access = replace(code.access, consent_id="another-consent")

    def take_code(self, text: str) -> Code | None:
        """The code, once. What a code gave ends when the code comes again (RFC 6749 §4.1.2)."""
        code = self._codes.get(text)
        if code is None or code.expires_at < time.monotonic():
            return None
        if code.used:
            for given in code.given:
                self._access.pop(given, None)
                self._refresh.pop(given, None)
            return None
        code.used = True
        return code

    def new_access(self, access: Access) -> str:
        """A bearer token."""
        text = secrets.token_urlsafe(32)
        self._access[text] = (access, time.monotonic() + ACCESS_SECONDS)
        return text

    def new_refresh(self, access: Access) -> str:
        """A refresh token; it is not rotated (FAPI 2.0 §5.3.2.1)."""
        text = secrets.token_urlsafe(32)
        self._refresh[text] = access
        return text

    def access(self, text: str) -> Access | None:
        """What a bearer token opens now."""
        access, expires_at = self._access.get(text, (None, 0.0))
        return access if expires_at > time.monotonic() else None

    def refreshed(self, text: str) -> Access | None:
        """What a refresh token stands for."""
        return self._refresh.get(text)

    def end(self, consent_id: str) -> None:
        """End everything that a consent gave."""
        self._access = {text: each for text, each in self._access.items() if each[0].consent_id != consent_id}
        self._refresh = {text: each for text, each in self._refresh.items() if each.consent_id != consent_id}
