"""What clients can find out by themselves: of this authorization server (RFC 8414), and of this API (RFC 9728)."""

from typing import Any

from gateway.oauth.clients.methods import ASSERTION_ALGORITHMS, MethodPolicy
from gateway.oauth.dpop.proof import ALGORITHMS as PROOF_ALGORITHMS
from gateway.oauth.scopes import Scope
from gateway.oauth.tokens.policy import TokenPolicy


def metadata(policy: TokenPolicy, methods: MethodPolicy) -> dict[str, Any]:
    """The document of /.well-known/oauth-authorization-server."""
    authentication = {
        f"{endpoint}_endpoint_auth_{member}": value
        for endpoint in ("token", "revocation", "introspection")
        for member, value in (
            ("methods_supported", list(methods.offered)),
            ("signing_alg_values_supported", list(ASSERTION_ALGORITHMS)),
        )
    }
    return {
        "issuer": policy.issuer,
        "token_endpoint": policy.token_endpoint,
        "revocation_endpoint": f"{policy.issuer}/oauth/revoke",
        "introspection_endpoint": f"{policy.issuer}/oauth/introspect",
        "jwks_uri": f"{policy.issuer}/oauth/jwks.json",
        "scopes_supported": [scope.value for scope in Scope],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        **authentication,
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": methods.self_signed_tls,
    }


def resource_metadata(policy: TokenPolicy, methods: MethodPolicy) -> dict[str, Any]:
    """The document of /.well-known/oauth-protected-resource."""
    return {
        "resource": policy.audience,
        "authorization_servers": [policy.issuer],
        "scopes_supported": [scope.value for scope in Scope],
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{policy.audience}/docs",
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "dpop_bound_access_tokens_required": False,
        "tls_client_certificate_bound_access_tokens": methods.self_signed_tls,
    }
