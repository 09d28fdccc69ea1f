"""How clients prove who they are, by the names of RFC 7591 §2, OpenID Connect Core §9 and RFC 8705 §2."""

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """One way of proving; a client has exactly one. The values are those of the SQL enum client_authentication."""

    SECRET_BASIC = "client_secret_basic"  # noqa: S105 - a name
    SECRET_POST = "client_secret_post"  # noqa: S105 - a name
    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS = "tls_client_auth"
    SELF_SIGNED_TLS = "self_signed_tls_client_auth"

    @property
    def has_secret(self) -> bool:
        """Whether the client holds a secret of ours."""
        return self in {Method.SECRET_BASIC, Method.SECRET_POST}


# What may sign a client's assertion; EdDSA is also written Ed25519 (RFC 9864). Each is asymmetric, and none is `none`.
ASSERTION_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPolicy:
    """Which methods this installation offers beside client_secret_basic and private_key_jwt."""

    secret_post: bool = False
    tls: bool = False
    self_signed_tls: bool = False

    @property
    def offered(self) -> tuple[Method, ...]:
        """Those that are on, as the metadata lists them."""
        switched = {
            Method.SECRET_POST: self.secret_post,
            Method.TLS: self.tls,
            Method.SELF_SIGNED_TLS: self.self_signed_tls,
        }
        return tuple(method for method in Method if switched.get(method, True))
