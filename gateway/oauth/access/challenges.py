"""What a refused caller is told in WWW-Authenticate (RFC 6750 §3, RFC 9449 §7.1)."""

from collections.abc import Mapping

from gateway.oauth.dpop.proof import ALGORITHMS, ProofRefused
from gateway.problems.errors import InsufficientScope, Unauthenticated

_REALM = 'realm="threadneedle"'
_ALGORITHMS = f'algs="{" ".join(ALGORITHMS)}"'
BEARER, DPOP = "Bearer", "DPoP"


def no_token() -> Unauthenticated:
    """Nothing was sent: both schemes, and no error code (RFC 6750 §3.1)."""
    challenge = f"{BEARER} {_REALM}, {DPOP} {_REALM}, {_ALGORITHMS}"
    return Unauthenticated("Send an access token: Authorization: Bearer …", challenge=challenge)


def token_refused(detail: str, *, code: str = "invalid_token", scheme: str = BEARER) -> Unauthenticated:
    """The token is not accepted, or not in this way."""
    return Unauthenticated(detail, code=code, challenge=_challenge(scheme, "invalid_token"))


def scope_missing(scope: str, *, is_proven: bool) -> InsufficientScope:
    """The token is good and does not allow the route; `is_proven` says that a DPoP proof came with it."""
    scheme = DPOP if is_proven else BEARER
    return InsufficientScope(scope, f'{_challenge(scheme, "insufficient_scope")}, scope="{scope}"')


def proof_refused(refused: ProofRefused, headers: Mapping[str, str]) -> Unauthenticated:
    """The proof is not accepted; `headers` carry the nonce to use where it lacks one."""
    challenge = f'{_challenge(DPOP, refused.code)}, error_description="{refused.words}"'
    return Unauthenticated(refused.words, code=refused.code, challenge=challenge, headers=headers)


def _challenge(scheme: str, error: str) -> str:
    challenge = f'{scheme} {_REALM}, error="{error}"'
    return challenge if scheme == BEARER else f"{challenge}, {_ALGORITHMS}"
