"""Access tokens on their way in: verified once, then remembered for half a minute at most (RFC 6750, RFC 9449 §7)."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace

from aiohttp import web

from gateway.oauth.access.challenges import BEARER, DPOP, Challenges
from gateway.oauth.access.in_force import InForce
from gateway.oauth.access.passed import Passed
from gateway.oauth.access.sender import Senders
from gateway.oauth.dpop.judge import BoundToken, ProofJudge
from gateway.oauth.dpop.proof import ProofRefused
from gateway.oauth.scopes import Caller, Scope
from gateway.oauth.standing import ClientLimits
from gateway.oauth.tokens.binding import Confirmation
from gateway.oauth.tokens.reader import TOKEN_LENGTH_MAX, AccessToken, TokenReader, TokenRefused
from gateway.problems.errors import InsufficientScope
from kernel.clock import Clock

_REMEMBER_SECONDS = 30.0
_REMEMBERED_MAX = 10_000


@dataclass(slots=True)
class _Remembered:
    """A verified token, until when it is believed, and the version of what is in force that it was last judged by."""

    passed: Passed
    key_id: str
    jti: str
    generation: int
    granted: frozenset[str]
    confirmation: Confirmation | None
    until: float
    judged: int = -1
    limits: ClientLimits | None = None

    @property
    def caller(self) -> Caller:
        return self.passed.caller

    def limit(self, limits: ClientLimits | None) -> None:
        """The token is worth what its client is allowed now, and never more than it says itself."""
        self.limits = limits
        if limits is not None:
            scopes = self.granted & limits.scopes
            narrowed = replace(self.caller, merchants=limits.merchants, networks=limits.networks, scopes=scopes)
            self.passed = Passed(narrowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What the verifier asks: what a token says, what ended since, who sent the request, whether its proof is good.

    `challenges` are how it says no.
    """

    challenges: Challenges
    reader: TokenReader
    in_force: InForce
    senders: Senders
    proofs: ProofJudge


class Verifier:
    """From a request to its caller."""

    def __init__(self, checks: Checks, clock: Clock) -> None:
        self._checks = checks
        self._challenges = checks.challenges
        self._in_force = checks.in_force
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def authenticate(self, request: web.Request) -> Passed:
        """Raises Unauthenticated, with the challenge of the scheme."""
        scheme, token = self._credentials(request.headers.get("Authorization"))
        key = hashlib.sha256(token).digest()
        known = self._remembered.get(key)
        if known is None or known.until <= self._clock.monotonic():
            known = await self._read(token, key, scheme)
        if known.judged != self._in_force.version:
            self._judge(known, scheme)
        if known.confirmation is None and scheme == BEARER:
            return known.passed
        return await self._bound(known, scheme, token, request)

    async def spend(self, passed: Passed) -> None:
        """Use up the proof of a request that is about to be served. Raises Unauthenticated where it was used before."""
        if passed.proof is None:
            return
        try:
            await self._checks.proofs.spend(passed.caller.tenant.partner_id, passed.proof)
        except ProofRefused as refused:
            raise self._challenges.proof_refused(refused, {}) from None

    def scope_missing(self, scope: Scope, passed: Passed) -> InsufficientScope:
        """The refusal of a caller whose token does not allow this, with the challenge of its scheme."""
        return self._challenges.scope_missing(scope, is_proven=passed.proof is not None)

    def _credentials(self, authorization: str | None) -> tuple[str, bytes]:
        if not authorization:
            raise self._challenges.no_token()
        scheme, _, token = authorization.partition(" ")
        known = _SCHEMES.get(scheme.lower())
        if known is None or not token.isascii() or not 0 < len(token) <= TOKEN_LENGTH_MAX:
            raise self._challenges.token_refused(
                "The Authorization header carries no access token of the scheme Bearer or DPoP."
            )
        return known, token.encode()

    async def _read(self, token: bytes, key: bytes, scheme: str) -> _Remembered:
        try:
            read = await self._checks.reader.read(token)
        except TokenRefused:
            raise self._challenges.token_refused(
                "The access token is not valid or has expired.", scheme=scheme
            ) from None
        known = self._remembered[key] = self._remember(read)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return known

    def _remember(self, read: AccessToken) -> _Remembered:
        left = read.expires_at - self._clock.now().timestamp()
        return _Remembered(
            passed=Passed(read.caller),
            key_id=read.key_id,
            jti=read.jti,
            generation=read.generation,
            granted=read.caller.scopes,
            confirmation=None if read.confirmation == Confirmation() else read.confirmation,
            until=self._clock.monotonic() + min(left, _REMEMBER_SECONDS),
        )

    def _judge(self, known: _Remembered, scheme: str) -> None:
        """Raises Unauthenticated for a token that ended; else it stays good until something else ends."""
        version, limits = self._in_force.version, self._in_force.limits_of(known.caller.client_id)
        if self._in_force.suspends(known.caller):
            raise self._challenges.token_refused(
                "The client or its partner is suspended.", code="client_suspended", scheme=scheme
            )
        if self._in_force.has_ended(known):
            raise self._challenges.token_refused("The access token is not valid or has expired.", scheme=scheme)
        if limits != known.limits:
            known.limit(limits)
        known.judged = version

    async def _bound(self, known: _Remembered, scheme: str, token: bytes, request: web.Request) -> Passed:
        """A token that only its sender can use. One for proofs is never a bearer token, nor the other way round."""
        confirmation = known.confirmation or Confirmation()
        if (scheme == DPOP) != (confirmation.key is not None):
            right = BEARER if confirmation.key is None else DPOP
            raise self._challenges.token_refused(f"This access token is used with the scheme {right}.", scheme=right)
        if confirmation.certificate and not confirmation.is_met_by(self._checks.senders.certificate(request)):
            raise self._challenges.token_refused(
                "The access token is bound to another client certificate.", scheme=scheme
            )
        if confirmation.key is None:
            return known.passed
        try:
            return await self._proven(known.caller, confirmation.key, token, request)
        except ProofRefused as refused:
            headers = await self._checks.proofs.nonce_headers() if refused.code == "use_dpop_nonce" else {}
            raise self._challenges.proof_refused(refused, headers) from None

    async def _proven(self, caller: Caller, thumbprint: str, token: bytes, request: web.Request) -> Passed:
        sent = request.headers.getall("DPoP", [])
        target = self._checks.senders.target(request)
        judged = await self._checks.proofs.judge(sent, target, BoundToken(token, thumbprint))
        return Passed(caller, judged.proof, judged.headers)


_SCHEMES = {"bearer": BEARER, "dpop": DPOP}
