"""What a refused caller is told in WWW-Authenticate (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1)."""

from collections.abc import Mapping

from gateway.oauth.dpop.proof import ALGORITHMS, ProofRefused
from gateway.problems.errors import InsufficientScope, Unauthenticated

_REALM = 'realm="threadneedle"'
_ALGORITHMS = f'algs="{" ".join(ALGORITHMS)}"'
BEARER, DPOP = "Bearer", "DPoP"


class Challenges:
    """`metadata_url` is where a caller finds out who issues tokens for this API, and what they must be."""

    def __init__(self, metadata_url: str) -> None:
        self._metadata = f'resource_metadata="{metadata_url}"'

    def no_token(self) -> Unauthenticated:
        """Nothing was sent: both schemes, and no error code (RFC 6750 §3.1)."""
        challenge = f"{self._challenge(BEARER)}, {self._challenge(DPOP)}"
        return Unauthenticated("Send an access token: Authorization: Bearer …", challenge=challenge)

    def token_refused(self, detail: str, *, code: str = "invalid_token", scheme: str = BEARER) -> Unauthenticated:
        """The token is not accepted, or not in this way."""
        return Unauthenticated(detail, code=code, challenge=self._challenge(scheme, error="invalid_token"))

    def scope_missing(self, scope: str, *, is_proven: bool) -> InsufficientScope:
        """The token is good and does not allow the route; `is_proven` says that a DPoP proof came with it."""
        scheme = DPOP if is_proven else BEARER
        return InsufficientScope(scope, self._challenge(scheme, error="insufficient_scope", scope=scope))

    def proof_refused(self, refused: ProofRefused, headers: Mapping[str, str]) -> Unauthenticated:
        """The proof is not accepted; `headers` carry the nonce to use where it lacks one."""
        challenge = self._challenge(DPOP, error=refused.code, error_description=refused.words)
        return Unauthenticated(refused.words, code=refused.code, challenge=challenge, headers=headers)

    def _challenge(self, scheme: str, **members: str) -> str:
        said = [f'{name}="{value}"' for name, value in members.items()]
        algorithms = [_ALGORITHMS] if scheme == DPOP else []
        return f"{scheme} {', '.join([_REALM, *said, *algorithms, self._metadata])}"
