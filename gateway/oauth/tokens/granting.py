"""What a token is made for: resources that are ours (RFC 8707), and a sender that has shown what the client needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error

from gateway.http.peer.certificates import ClientCertificate
from gateway.oauth.authentication.authenticator import ClientAuthenticator
from gateway.oauth.authentication.request import ClientRefused, ClientRequest
from gateway.oauth.clients.records import Client
from gateway.oauth.dpop.judge import ProofJudge
from gateway.oauth.dpop.proof import ProofRefused
from gateway.oauth.dpop.target import Target
from gateway.oauth.tokens.binding import Confirmation, TokenBinding
from gateway.oauth.tokens.issuing import Grant
from gateway.oauth.tokens.policy import TokenPolicy

_STRANGE_CERTIFICATE = (
    "Tokens of this client are not bound to the certificate of this connection: it is not the one that the client is "
    "registered with, or, where it is registered with none, not by an authority that was agreed on."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A request for a token: the client's, the resources that it names, and its DPoP headers for this target."""

    client: ClientRequest
    target: Target
    resources: Sequence[str] = ()
    proofs: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What to make; `headers` go with the answer."""

    grant: Grant
    headers: Mapping[str, str] = field(default_factory=dict)


class GrantRefused(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    """An error of RFC 8707 §2 or RFC 9449 §5; `with_headers` go with it."""

    def __init__(self, error: str, description: str, with_headers: Mapping[str, str] | None = None) -> None:
        super().__init__(description, error=error)
        self.with_headers = dict(with_headers or {})


class Granter:
    """Decides before Authlib's core makes the token."""

    def __init__(self, policy: TokenPolicy, proofs: ProofJudge, authenticator: ClientAuthenticator) -> None:
        self._policy = policy
        self._proofs = proofs
        self._authenticator = authenticator

    async def grant(self, client: Client, request: TokenRequest) -> Granted:
        """What the authenticated client gets. Its proof is used up. Raises OAuth2Error."""
        if not client.active:  # it has proved who it is, so it may be told
            raise GrantRefused("unauthorized_client", "The client is suspended, or its partner is. Ask us why.")
        audience = self._policy.audience_of(request.resources)
        if audience is None:
            raise GrantRefused("invalid_target", "Tokens are not issued for that resource.")
        certificate = self._certificate(client, request.client.certificate)
        key, headers = await self._key(client, request)
        return Granted(
            grant=Grant(audience=audience, confirmation=Confirmation(certificate=certificate, key=key)),
            headers=headers,
        )

    async def _key(self, client: Client, request: TokenRequest) -> tuple[str | None, Mapping[str, str]]:
        """The thumbprint of the proof's key. Any client may bind its tokens so; one that is registered for it must."""
        if not request.proofs and client.token_binding is not TokenBinding.DPOP:
            return None, {}
        try:
            judged = await self._proofs.judge(request.proofs, request.target)
            await self._proofs.spend(client.tenant.partner_id, judged.proof)
        except ProofRefused as refused:
            headers = await self._proofs.nonce_headers() if refused.code == "use_dpop_nonce" else {}
            raise GrantRefused(refused.code, refused.words, headers) from None
        return judged.proof.thumbprint, judged.headers

    def _certificate(self, client: Client, shown: ClientCertificate | None) -> str | None:
        """The thumbprint to bind to. Raises OAuth2Error without a certificate, and for one that nobody vouches for."""
        if client.token_binding is not TokenBinding.MTLS:
            return None
        if shown is None:
            raise InvalidRequestError("Tokens of this client are bound to a client certificate: connect with it.")
        if not self._may_bind(client, shown):
            raise InvalidRequestError(_STRANGE_CERTIFICATE)
        return shown.thumbprint

    def _may_bind(self, client: Client, shown: ClientCertificate) -> bool:
        try:
            return self._authenticator.may_bind(client, shown)
        except ClientRefused:  # it cannot be read
            return False
