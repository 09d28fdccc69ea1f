"""The parts of OAuth, put together: what issues tokens, and what lets callers in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from config.sections import OAuthSettings
from gateway.http.peer.certificates import CallerCertificates
from gateway.oauth.access.challenges import Challenges
from gateway.oauth.access.in_force import InForce
from gateway.oauth.access.revoked import RevokedTokens
from gateway.oauth.access.sender import Senders
from gateway.oauth.access.verifier import Checks, Verifier
from gateway.oauth.authentication.authenticator import ClientAuthenticator
from gateway.oauth.dpop.judge import ProofJudge
from gateway.oauth.dpop.nonces import Nonces
from gateway.oauth.dpop.spent import SpentProofs
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.signing.rotation import KeyRotation, RotationPolicy
from gateway.oauth.standing import Standing
from gateway.oauth.tokens.granting import Granter
from gateway.oauth.tokens.inspection import TokenInspection
from gateway.oauth.tokens.issuing import AccessTokens
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.oauth.tokens.reader import TokenReader
from gateway.oauth.tokens.server import TokenServer
from kernel.batcher import Batcher, BatchMetrics, BatchPolicy
from kernel.clock import Clock
from kernel.sealing import Vault
from threadneedle.roles.foundation import Foundation

# A proof that comes alone is not kept waiting: those that come while one batch commits are the next one.
_PROOF_BATCHES = BatchPolicy(linger_seconds_min=0, linger_seconds_max=0.002, retry_seconds_max=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSetup:
    """What OAuth stands on. `nonce_seconds` is how long a nonce for DPoP proofs is accepted."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock: Clock
    policy: TokenPolicy
    authenticator: ClientAuthenticator
    certificates: CallerCertificates
    nonce_seconds: float = 120.0
    metrics: BatchMetrics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """The parts that the gateway's services name, and what the verifier of them asks."""

    keys: KeyRing
    in_force: InForce
    verifier: Verifier
    tokens: TokenServer
    inspection: TokenInspection
    checks: Checks


def rotation_policy(settings: OAuthSettings) -> RotationPolicy:
    """When the worker makes and retires signing keys."""
    return RotationPolicy(
        life=timedelta(days=settings.signing_key_days),
        published_before=timedelta(seconds=settings.signing_key_published_seconds),
        token_life=timedelta(seconds=settings.token_lifetime_seconds),
    )


def key_rotation(foundation: Foundation) -> KeyRotation:
    """What rotates the signing keys, for the worker and for admins."""
    policy = rotation_policy(foundation.settings.oauth)
    return KeyRotation(foundation.resources.pool, foundation.vault, foundation.clock, policy)


@asynccontextmanager
async def open_oauth(setup: OAuthSetup) -> AsyncIterator[OAuth]:
    """Everything started, until the block ends."""
    pool, clock, policy = setup.pool, setup.clock, setup.policy
    keys = KeyRing(pool, setup.vault, clock)
    in_force = InForce(Standing(pool), RevokedTokens(pool, clock), keys)
    spent = Batcher(pool, SpentProofs(), _PROOF_BATCHES, setup.metrics)
    proofs = ProofJudge(Nonces(setup.vault, clock, setup.nonce_seconds), spent, clock)
    reader = TokenReader(keys, policy, clock)
    checks = Checks(
        challenges=Challenges(policy.resource_metadata_url),
        reader=reader,
        in_force=in_force,
        senders=Senders(policy.audience, setup.certificates),
        proofs=proofs,
    )
    for part in (keys, in_force, spent):
        await part.start()
    try:
        yield OAuth(
            keys=keys,
            in_force=in_force,
            verifier=Verifier(checks, clock),
            tokens=TokenServer(
                setup.authenticator, Granter(policy, proofs, setup.authenticator), AccessTokens(keys, policy, clock)
            ),
            inspection=TokenInspection(setup.authenticator, reader, in_force),
            checks=checks,
        )
    finally:
        await spent.close()
        await in_force.close()
