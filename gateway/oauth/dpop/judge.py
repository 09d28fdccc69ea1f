"""Judges the proofs of requests: read, made lately, with a nonce of ours, and used once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from gateway.oauth.dpop.nonces import Nonces
from gateway.oauth.dpop.proof import Proof, ProofRefused, read_proof
from gateway.oauth.dpop.spent import UsedProof
from gateway.oauth.dpop.target import Target
from kernel.batcher import Batcher
from kernel.clock import Clock

NONCE_HEADER = "DPoP-Nonce"
# With a nonce our time decides; a caller's clock may then be wrong by some minutes.
_AGE_SECONDS_MAX = 300.0
# Clocks of processes agree to less than this.
_SPARE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class BoundToken:
    """A token that came with a proof, and the thumbprint of the key that it is bound to."""

    token: bytes
    thumbprint: str

    def check(self, proof: Proof) -> None:
        """Raises ProofRefused unless the proof is by this key and for this token."""
        if proof.thumbprint != self.thumbprint:
            raise ProofRefused("The proof is made with another key than the one that the token is bound to.")
        proof.check_token(self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A proof that may be used once, now; `headers` give its sender a nonce for the next ones, where it is time."""

    proof: Proof
    headers: Mapping[str, str] = field(default_factory=dict)


class ProofJudge:
    """For the token endpoint and for the API alike."""

    def __init__(self, nonces: Nonces, spent: Batcher[UsedProof, bool], clock: Clock) -> None:
        self._nonces = nonces
        self._spent = spent
        self._clock = clock

    async def judge(self, sent: Sequence[str], target: Target, bound: BoundToken | None = None) -> Judged:
        """The proof of a request; with a token, one that was made for it by its owner. Raises ProofRefused.

        RFC 9449 §4.3. Who is told to use a nonce has shown the key before.
        """
        if len(sent) != 1:
            raise ProofRefused("Send one proof in the header DPoP.")
        proof = read_proof(sent[0], target)
        if bound is not None:
            bound.check(proof)
        is_old = await self._nonces.check(proof.nonce)
        proof.check_time(self._clock.now().timestamp(), _AGE_SECONDS_MAX)
        return Judged(proof=proof, headers=await self.nonce_headers() if is_old else {})

    async def spend(self, partner_id: UUID, proof: Proof) -> None:
        """Use the proof up; it is committed in PostgreSQL when this returns. Raises ProofRefused, or Unavailable."""
        expires_at = self._clock.now() + timedelta(seconds=self._nonces.life_seconds) + _SPARE
        if not await self._spent.add(UsedProof(partner_id, proof.digest, expires_at)):
            raise ProofRefused("The proof was used before.")

    async def nonce_headers(self) -> dict[str, str]:
        """What tells a caller the nonce to use."""
        return {NONCE_HEADER: await self._nonces.newest()}
