"""Authenticates the client of a request, by whichever method it is registered for. The one door for every endpoint."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from cryptography import x509

from gateway.http.peer.address import is_within
from gateway.http.peer.certificates import ClientCertificate
from gateway.oauth.authentication import assertions
from gateway.oauth.authentication.certificates import Authorities, is_registered, names
from gateway.oauth.authentication.request import NOT_AUTHENTICATED, ClientRefused, ClientRequest, Proof, proof_of
from gateway.oauth.authentication.used import UsedAssertions
from gateway.oauth.clients.credentials import Credentials, Subject
from gateway.oauth.clients.keys import Jwk, candidates
from gateway.oauth.clients.methods import Method, MethodPolicy
from gateway.oauth.clients.records import Client, Clients
from gateway.oauth.clients.remote_keys import KeysUnread, RemoteKeys
from kernel.clock import Clock
from kernel.masked import Secret
from webhooks.endpoints.checks.certificates import UNREADABLE

_NO_SUCH_CLIENT = "no such client, or one of another method"
# What a client that is not known by its proof reads; of secrets, the same whether id or secret is wrong.
_NOT_FOUND = {
    Method.PRIVATE_KEY_JWT: "No client with this id is registered for assertions (private_key_jwt) here.",
    Method.TLS: "No client with this id is registered for certificates here.",
}
_KEYS_UNREAD = "The keys at this client's jwks_uri could not be read, so the assertion could not be verified."
_NO_CERTIFICATE = (
    "The certificate of this connection is not one that this client is registered with, or is not valid now."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationRules:
    """Which methods are on, what an assertion's audience may be, and who issues clients' certificates."""

    audiences: Collection[str]
    methods: MethodPolicy = field(default_factory=MethodPolicy)
    authorities: Authorities = field(default_factory=Authorities)


class ClientAuthenticator:
    """See the module."""

    def __init__(
        self, clients: Clients, remote_keys: RemoteKeys, used: UsedAssertions, rules: AuthenticationRules, clock: Clock
    ) -> None:
        self._clients = clients
        self._remote_keys = remote_keys
        self._used = used
        self._rules = rules
        self._clock = clock

    async def authenticate(self, request: ClientRequest) -> Client:
        """The client, whose proof is of its own method, from an address that it may call from.

        Raises ClientRefused. Whether the client is suspended is not looked at.
        """
        proof = _named(proof_of(request))
        client = await self._clients.find(proof.client_id)
        if not self._fits(proof, client):
            raise ClientRefused(_NOT_FOUND.get(proof.method, NOT_AUTHENTICATED), reason=_NO_SUCH_CLIENT)
        if proof.secret is not None:
            self._check_secret(client, proof.secret)
        elif proof.assertion:
            await self._check_assertion(client, proof.assertion)
        else:
            self._check_certificate(client, request)
        _check_address(client, request.address)
        return client

    def may_bind(self, client: Client, shown: ClientCertificate) -> bool:
        """Whether tokens of the client may be bound to a certificate that it shows, however it proved itself.

        A proxy lets certificates of any issuer pass, and TLS here those of every client. So it must be one that the
        client names: for this purpose, or as what it proves itself by, which is its holder's name, or the `x5c` of its
        keys. A client that names none, with a secret or with keys alone, may show any of an authority of ours.
        """
        if client.binding is not None:
            return is_registered(shown.der, client.binding.certificates, self._clock.now())
        credentials = client.credentials or Credentials()
        if credentials.subject is not None:
            return self._is_of(credentials.subject, shown)
        if credentials.has_certificates:
            return is_registered(shown.der, credentials.certificates, self._clock.now())
        return self._is_issued(_parsed(shown.der))

    def _is_of(self, subject: Subject, shown: ClientCertificate) -> bool:
        """Whether it names the subject, and an authority of ours says so (RFC 8705 §2.1)."""
        certificate = _parsed(shown.der)
        return names(certificate, subject) and self._is_issued(certificate)

    def _is_issued(self, certificate: x509.Certificate) -> bool:
        return self._rules.authorities.have_issued(certificate, self._clock.now())

    def _fits(self, proof: Proof, client: Client) -> bool:
        """Whether the proof is of the client's method, and that method is on."""
        registered = Method.TLS if client.method is Method.SELF_SIGNED_TLS else client.method
        return proof.method is registered and client.method in self._rules.methods.offered

    def _check_secret(self, client: Client, secret: Secret) -> None:
        if not client.has_secret(secret, self._clock.now()):
            raise ClientRefused(NOT_AUTHENTICATED, reason="no such client, or a wrong secret")

    async def _check_assertion(self, client: Client, assertion: str) -> None:
        claims = assertions.verify(assertion, await self._keys(client, assertion))
        now = self._clock.now().timestamp()
        used = assertions.check(claims, client.get_client_id(), self._rules.audiences, now)
        if not await self._used.use(client, used):
            raise ClientRefused("The assertion's jti was used before: make a new assertion for each request.")

    async def _keys(self, client: Client, assertion: str) -> Sequence[Jwk]:
        credentials = client.credentials
        if credentials is None:
            return ()
        if credentials.jwks_uri is None:
            return credentials.jwks
        header = assertions.header_of(assertion)
        try:
            return await self._remote_keys.find(credentials.jwks_uri, lambda keys: bool(candidates(keys, header)))
        except KeysUnread as unread:
            raise ClientRefused(_KEYS_UNREAD, reason=f"the keys at the jwks_uri were not read: {unread}") from None

    def _check_certificate(self, client: Client, request: ClientRequest) -> None:
        shown, credentials = request.certificate, client.credentials
        if shown is None or credentials is None:
            raise ClientRefused(_NO_CERTIFICATE)
        if client.method is Method.SELF_SIGNED_TLS:
            good = is_registered(shown.der, credentials.certificates, self._clock.now())
        else:
            good = credentials.subject is not None and self._is_of(credentials.subject, shown)
        if not good:
            raise ClientRefused(_NO_CERTIFICATE)


def _named(proof: Proof) -> Proof:
    """The proof with the client that it is of: an assertion says it itself, and the form must not say otherwise."""
    if not proof.assertion:
        return proof
    issuer = assertions.issuer_of(proof.assertion)
    if proof.client_id not in ("", issuer):
        raise ClientRefused("The client_id in the form is another one.", error="invalid_request")
    return replace(proof, client_id=issuer)


def _parsed(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        raise ClientRefused(_NO_CERTIFICATE) from None


def _check_address(client: Client, address: str) -> None:
    """Only after the proof, so that nobody else learns where a client may call from."""
    if client.networks and not is_within(address, client.networks):
        raise ClientRefused("This client may not be used from this address.")
