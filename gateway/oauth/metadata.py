"""What clients can find out by themselves about this authorization server (RFC 8414)."""

from typing import Any

from gateway.oauth.scopes import Scope
from gateway.oauth.tokens.server import TokenPolicy


def metadata(policy: TokenPolicy) -> dict[str, Any]:
    """The document of /.well-known/oauth-authorization-server."""
    return {
        "issuer": policy.issuer,
        "token_endpoint": f"{policy.issuer}/oauth/token",
        "jwks_uri": f"{policy.issuer}/oauth/jwks.json",
        "scopes_supported": [scope.value for scope in Scope],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }
