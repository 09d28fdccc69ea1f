"""The ownership challenge: whoever answers at an endpoint's URL shows that it expects the partner's events.

A signed POST carries a random token that the receiver gives back. Nothing is locked while it is under way; the answer
counts only for the version of the endpoint that was asked.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.ids import Kind, new_id, to_text
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints import rows
from webhooks.endpoints.keys.store import fetch_live, open_signing
from webhooks.endpoints.model import Caller, Endpoint, client_certificate_context
from webhooks.endpoints.telling import LaneTeller
from webhooks.endpoints.trying.answer import ChallengeReason, judge
from webhooks.endpoints.trying.courier import Courier
from webhooks.sending.model import ErrorClass, SigningKey
from webhooks.sending.signing import signature_header
from webhooks.sending.transport import WireReply, WireRequest

CHALLENGE_TYPE = "webhook_endpoint.challenge"
_SQL = beside(__file__, "challenge.sql")
_TOKEN_BYTES = 32
_USER_AGENT = "Threadneedle/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeResult:
    """What became of a challenge; of the answer its status or error class, never its body."""

    endpoint: Endpoint
    reason: ChallengeReason
    status_code: int | None = None
    error_class: ErrorClass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The endpoint as it is asked, with what its request needs."""

    endpoint: Endpoint
    keys: tuple[SigningKey, ...]
    client_certificate: Secret | None


class Challenges:
    """Sends challenges."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        courier: Courier,
        lanes: LaneTeller | None = None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._courier = courier
        self._lanes = lanes

    async def challenge(self, caller: Caller, endpoint_id: UUID) -> ChallengeResult:
        """Ask the receiver once. Audited.

        Raises NotFound, Conflict (`ownership_not_asked`) for an endpoint whose owner wants no proof, and Unavailable
        (`challenges_busy`).
        """
        asked = await self._asked(caller, endpoint_id)
        if not asked.endpoint.standing.is_challenged:
            raise Conflict(
                "The endpoint's ownership need not be proven.",
                code="ownership_not_asked",
                action='Set "ownership" to "challenge" first.',
            )
        if asked.endpoint.standing.proven_at is not None:
            return ChallengeResult(endpoint=asked.endpoint, reason=ChallengeReason.ALREADY_PROVEN)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        reply = await self._courier.post(_request(asked, token, self._clock.now()))
        return await self._concluded(caller, asked.endpoint, judge(reply, token), reply)

    async def _asked(self, caller: Caller, endpoint_id: UUID) -> _Asked:
        partner_id = caller.tenant.partner_id
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            row = await rows.fetch_endpoint(connection, caller.tenant, endpoint_id)
            live = await fetch_live(connection, partner_id, endpoint_id)
        endpoint = (await rows.open_endpoints(self._vault, [row]))[0]
        keys = await open_signing(
            self._vault, partner_id, [one for one in live if one["scheme"] in endpoint.signatures]
        )
        return _Asked(endpoint=endpoint, keys=keys, client_certificate=await self._certificate(endpoint))

    async def _certificate(self, endpoint: Endpoint) -> Secret | None:
        if endpoint.client_certificate is None:
            return None
        sealed, context = endpoint.client_certificate.sealed, client_certificate_context(endpoint.id)
        (pem,) = await self._vault.open_many([(endpoint.tenant.partner_id, sealed, context)])
        return Secret(pem.decode())

    async def _concluded(
        self, caller: Caller, asked: Endpoint, reason: ChallengeReason, reply: WireReply
    ) -> ChallengeResult:
        """Commit what the answer means, if the endpoint is still the one that was asked."""
        async with self._pool.acquire() as connection, connection.transaction():
            if reason is ChallengeReason.ANSWERED:
                await rows.move_version(connection, caller.tenant)
                proven = await connection.fetchval(
                    _SQL["prove_endpoint"],
                    asked.tenant.partner_id,
                    asked.tenant.environment,
                    asked.id,
                    asked.version,
                    self._clock.now(),
                )
                reason = reason if proven else ChallengeReason.ENDPOINT_CHANGED
            await rows.audit(
                connection, self._clock, caller, "endpoint.challenged", endpoint_id=asked.id, outcome=reason.value
            )
            row = await rows.fetch_endpoint(connection, caller.tenant, asked.id)
        endpoint = (await rows.open_endpoints(self._vault, [row]))[0]
        if self._lanes is not None:
            await self._lanes.tell(endpoint)
        return ChallengeResult(
            endpoint=endpoint, reason=reason, status_code=reply.status, error_class=_error_class(reply)
        )


def _request(asked: _Asked, token: str, now: datetime) -> WireRequest:
    """The POST: the endpoint's own headers, then ours; signed as every message is."""
    endpoint, environment = asked.endpoint, asked.endpoint.tenant.environment
    message_id, timestamp = to_text(Kind.EVENT, new_id(now), environment), int(now.timestamp())
    body = orjson.dumps(
        {
            "type": CHALLENGE_TYPE,
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {"endpoint_id": to_text(Kind.ENDPOINT, endpoint.id, environment), "challenge": token},
        }
    )
    ours = {
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(asked.keys, message_id, timestamp, body),
    }
    return WireRequest(
        url=endpoint.settings.url,
        headers=(*endpoint.settings.headers.items(), *ours.items()),
        body=body,
        client_certificate=asked.client_certificate,
    )


def _error_class(reply: WireReply) -> ErrorClass | None:
    if reply.status is None:
        return reply.error
    return None if 200 <= reply.status <= 299 else ErrorClass.STATUS
