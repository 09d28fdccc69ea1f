"""Tokens that only their sender can use: bound to a client certificate (RFC 8705 §3) or to a key (RFC 9449 §6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TokenBinding(StrEnum):
    """What the tokens of a client are bound to, as it is registered."""

    NONE = "none"
    MTLS = "mtls"
    DPOP = "dpop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A token's `cnf` (RFC 7800): thumbprints of the certificate and of the key that its sender has to show."""

    certificate: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Confirmation":
        """What a token says. Raises ValueError for a confirmation that is none of ours: it could not be checked."""
        confirmed = claims.get("cnf", {})
        if not isinstance(confirmed, dict) or confirmed.keys() - {"x5t#S256", "jkt"}:
            raise ValueError("a confirmation of another kind")
        return cls(certificate=confirmed.get("x5t#S256"), key=confirmed.get("jkt"))

    def claims(self) -> dict[str, dict[str, str]]:
        """The member of a token; none for a token that anybody may use."""
        members = {"x5t#S256": self.certificate, "jkt": self.key}
        confirmed = {name: value for name, value in members.items() if value is not None}
        return {"cnf": confirmed} if confirmed else {}

    def is_met_by(self, certificate: str | None) -> bool:
        """Whether the connection's certificate, by its thumbprint, is the one that the token is bound to, if it is."""
        return self.certificate is None or self.certificate == certificate
