"""Nonces that we give to makers of proofs (RFC 9449 §8 and §9): our own time, sealed.

A nonce is the time of its making, sealed under the installation's data key, which every process gets from PostgreSQL.
So any process knows any process' nonces, none is stored, and a flush of Redis changes nothing. Callers' clocks do not
matter: how long a proof can be used is decided by our time in its nonce.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict

from gateway.oauth.dpop.proof import ProofRefused
from kernel.clock import Clock
from kernel.ids import NIL
from kernel.sealing import SealError, Vault

_CONTEXT = b"dpop.nonce"
_TIME = struct.Struct(">d")
_LENGTH_MAX = 128
_REMEMBERED_MAX = 256
_WORDS = "Make the proof with the nonce in the header DPoP-Nonce."


class Nonces:
    """Makes nonces and reads them again. One is given out for half its life, so that it is good for the other half."""

    def __init__(self, vault: Vault, clock: Clock, life_seconds: float) -> None:
        self._vault = vault
        self._clock = clock
        self._life_seconds = life_seconds
        self._newest = ("", -float("inf"))
        self._read: OrderedDict[str, float] = OrderedDict()

    @property
    def life_seconds(self) -> float:
        """How long a nonce is accepted."""
        return self._life_seconds

    async def newest(self) -> str:
        """The nonce to give out now."""
        nonce, made_at = self._newest
        now = self._clock.now().timestamp()
        if now - made_at >= self._life_seconds / 2:
            key = await self._vault.data_key(NIL)
            nonce = urlsafe_b64encode(self._vault.seal(key, _TIME.pack(now), _CONTEXT)).rstrip(b"=").decode()
            self._newest = (nonce, now)
        return nonce

    async def check(self, nonce: str | None) -> bool:
        """Whether a new one is due. Raises ProofRefused (use_dpop_nonce) for one that is too old or not ours."""
        made_at = self._read.get(nonce or "")
        if made_at is None:
            made_at = await self._made_at(nonce or "")
            self._remember(nonce or "", made_at)
        age = self._clock.now().timestamp() - made_at
        if age > self._life_seconds:
            raise ProofRefused(_WORDS, "use_dpop_nonce")
        return age >= self._life_seconds / 2

    async def _made_at(self, nonce: str) -> float:
        if not 0 < len(nonce) <= _LENGTH_MAX:
            raise ProofRefused(_WORDS, "use_dpop_nonce")
        try:
            sealed = urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
            made_at: float = _TIME.unpack(await self._vault.open(NIL, sealed, _CONTEXT))[0]
        except (SealError, ValueError, struct.error):
            raise ProofRefused(_WORDS, "use_dpop_nonce") from None
        return made_at

    def _remember(self, nonce: str, made_at: float) -> None:
        self._read[nonce] = made_at
        if len(self._read) > _REMEMBERED_MAX:
            self._read.popitem(last=False)
