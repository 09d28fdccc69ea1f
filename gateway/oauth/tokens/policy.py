"""Who issues tokens, for whom, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """`issuer` is the `iss`, an https URL; `audience` names this API.

    `resources` name what else tokens may be asked for: services beside this API that verify them with our JWKS.
    """

    issuer: str
    audience: str
    lifetime_seconds: int = 600
    resources: tuple[str, ...] = ()

    @property
    def token_endpoint(self) -> str:
        """Where clients get tokens."""
        return f"{self.issuer}/oauth/token"

    @property
    def resource_metadata_url(self) -> str:
        """Where this API says who issues tokens for it (RFC 9728 §3.1)."""
        return f"{self.audience}/.well-known/oauth-protected-resource"

    def audience_of(self, wanted: Sequence[str]) -> str | list[str] | None:
        """The `aud` for the resources that a client asks for (RFC 8707 §2); None where one of them is not ours."""
        if not set(wanted) <= {self.audience, *self.resources}:
            return None
        named = list(dict.fromkeys(wanted)) or [self.audience]
        return named[0] if len(named) == 1 else named
