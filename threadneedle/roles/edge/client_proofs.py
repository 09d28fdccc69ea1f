"""What the gateway needs to know who its clients are: their keys, their certificates, and TLS of its own."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.settings import Settings
from gateway.http.peer.certificates import CallerCertificates
from gateway.http.peer.tls import server_context, trust
from gateway.oauth.authentication.authenticator import AuthenticationRules, ClientAuthenticator
from gateway.oauth.authentication.certificates import Authorities
from gateway.oauth.authentication.used import UsedAssertions
from gateway.oauth.clients.anchors import CertificateAnchors
from gateway.oauth.clients.records import Clients
from gateway.oauth.clients.remote_keys import RemoteKeyPolicy, RemoteKeys
from kernel.errors import Refused
from threadneedle.roles import policies
from threadneedle.roles.foundation import Foundation
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.transport import TransportPolicy

_KEY_SET_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProofs:
    """`tls` is the context of the public port, or None where TLS ends in front of us."""

    authenticator: ClientAuthenticator
    certificates: CallerCertificates
    tls: ssl.SSLContext | None


@asynccontextmanager
async def open_client_proofs(foundation: Foundation) -> AsyncIterator[ClientProofs]:
    """Opened before the port is. Raises Refused for files of certificates that will not do."""
    settings, pool, clock = foundation.settings, foundation.resources.pool, foundation.clock
    tls, transport = _tls(settings), _transport(settings)
    keys = RemoteKeys(transport, clock.monotonic, RemoteKeyPolicy(running_max=settings.oauth.key_fetches_running_max))
    clients = Clients(pool, foundation.vault)
    anchors = None if tls is None else CertificateAnchors(pool, foundation.vault, partial(trust, tls))
    try:
        if anchors is not None:
            await anchors.start()
        yield ClientProofs(
            authenticator=ClientAuthenticator(clients, keys, UsedAssertions(pool), _rules(settings), clock),
            certificates=CallerCertificates(
                proxies=settings.gateway.trusted_proxies, are_told=settings.gateway.client_cert_header
            ),
            tls=tls,
        )
    finally:
        if anchors is not None:
            await anchors.close()
        await transport.close()


def _rules(settings: Settings) -> AuthenticationRules:
    policy = policies.token_policy(settings)
    return AuthenticationRules(
        audiences=frozenset({policy.issuer, policy.token_endpoint}),
        methods=policies.method_policy(settings),
        authorities=_authorities(settings.oauth.client_ca_file),
    )


def _authorities(file: str) -> Authorities:
    if not file:
        return Authorities()
    try:
        return Authorities.parse(Path(file).read_bytes())
    except (OSError, ValueError):
        raise Refused("oauth.client_ca_file is not a file of certificates in PEM") from None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    gateway = settings.gateway
    if not gateway.tls_certificate_file:
        return None
    try:
        return server_context(gateway.tls_certificate_file, gateway.tls_key_file, settings.oauth.client_ca_file)
    except (OSError, ValueError):
        raise Refused(
            "gateway.tls_certificate_file and tls_key_file are not a certificate and its key in PEM"
        ) from None


def _transport(settings: Settings) -> LeanTransport:
    """Keys are fetched as webhooks are sent: the same destinations, the same way out."""
    policy = TransportPolicy(
        total_timeout_seconds=settings.oauth.key_fetch_seconds_max, response_body_bytes_max=_KEY_SET_BYTES_MAX
    )
    webhooks = settings.webhooks
    return LeanTransport(policy, policies.allow_list(webhooks), proxy=policies.egress_proxy(webhooks))
