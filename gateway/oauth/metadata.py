"""What clients can find out by themselves about this authorization server (RFC 8414)."""

from typing import Any

from gateway.oauth.clients.methods import ASSERTION_ALGORITHMS, MethodPolicy
from gateway.oauth.scopes import Scope
from gateway.oauth.tokens.server import TokenPolicy


def metadata(policy: TokenPolicy, methods: MethodPolicy) -> dict[str, Any]:
    """The document of /.well-known/oauth-authorization-server."""
    return {
        "issuer": policy.issuer,
        "token_endpoint": policy.token_endpoint,
        "jwks_uri": f"{policy.issuer}/oauth/jwks.json",
        "scopes_supported": [scope.value for scope in Scope],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": list(methods.offered),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
    }
