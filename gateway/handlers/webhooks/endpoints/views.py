"""Endpoints and their keys as partners see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.http.call import Call
from kernel.ids import Kind, to_text
from payments.view import rfc3339
from webhooks.endpoints.model import Caller, Endpoint, LiveKey, Rate
from webhooks.endpoints.service import ChangedEndpoint, CreatedEndpoint
from webhooks.sending.signing import public_text

_REPLAY = (
    "Make a replay of this endpoint since that time, with include_unmatched, to send what it missed; nothing is sent "
    "again by itself."
)


def caller_of(call: Call) -> Caller:
    """Who acts, for the audit log."""
    return Caller(tenant=call.caller.tenant, actor=call.caller.owner, request_id=call.request_id)


def endpoint_view(endpoint: Endpoint) -> dict[str, Any]:
    """EndpointOut."""
    environment, settings = endpoint.tenant.environment, endpoint.settings
    merchant, identifier = endpoint.merchant_id, to_text(Kind.ENDPOINT, endpoint.id, environment)
    return {
        "id": identifier,
        "object": "webhook_endpoint",
        "environment": environment,
        "merchant_id": None if merchant is None else to_text(Kind.MERCHANT, merchant, environment),
        "url": settings.url,
        "description": settings.description,
        "headers": settings.plain_headers,
        "secret_header_names": list(settings.secret_headers),
        "metadata": dict(settings.metadata),
        "signatures": endpoint.signatures,
        "client_certificate": _certificate(endpoint),
        "jwks_path": f"/webhook-keys/{to_text(Kind.PARTNER, endpoint.tenant.partner_id)}/{identifier}/jwks.json",
        **_hearing(endpoint),
        **_pace(endpoint),
        **_standing(endpoint),
        "created_at": rfc3339(endpoint.created_at),
        "updated_at": rfc3339(endpoint.updated_at),
    }


def created_view(created: CreatedEndpoint) -> dict[str, Any]:
    """EndpointCreated."""
    keys = {"secret": created.secret.reveal(), "public_key": public_text(created.public_key)}
    return {**endpoint_view(created.endpoint), **keys}


def changed_view(changed: ChangedEndpoint) -> dict[str, Any]:
    """EndpointChanged."""
    since = changed.missed_since
    hint = None if since is None else {"since": rfc3339(since), "action": _REPLAY}
    return {**endpoint_view(changed.endpoint), "replay_hint": hint}


def keys_view(keys: Sequence[LiveKey], call: Call) -> dict[str, Any]:
    """SecretsOut."""
    environment = call.caller.tenant.environment
    return {
        "data": [
            {
                "id": to_text(Kind.SECRET, key.id, environment),
                "scheme": key.scheme,
                "secret": None if key.secret is None else key.secret.reveal(),
                "public_key": None if key.public_key is None else public_text(key.public_key),
                "created_at": rfc3339(key.created_at),
                "expires_at": _time(key.expires_at),
            }
            for key in keys
        ]
    }


def _hearing(endpoint: Endpoint) -> dict[str, Any]:
    hearing, environment = endpoint.hearing, endpoint.tenant.environment
    return {
        "event_types": hearing.event_types,
        "merchant_ids": [to_text(Kind.MERCHANT, one, environment) for one in hearing.merchant_ids],
        "filter": hearing.filter,
        "payload": hearing.payload,
    }


def _pace(endpoint: Endpoint) -> dict[str, Any]:
    pace = endpoint.pace
    return {
        "ordered": pace.ordered,
        "concurrency": pace.concurrency,
        "weight": pace.weight,
        "rate": _rate(pace.rate),
        "schedule_seconds": pace.schedule_seconds,
    }


def _standing(endpoint: Endpoint) -> dict[str, Any]:
    standing = endpoint.standing
    return {
        "ownership": "challenge" if standing.is_challenged else "none",
        "proven_at": _time(standing.proven_at),
        "state": standing.state,
        "state_reason": standing.state_reason,
        "disabled_at": _time(standing.disabled_at),
        "paused_at": _time(standing.paused_at),
        "held_at": _time(standing.held_at),
    }


def _rate(rate: Rate | None) -> dict[str, Any] | None:
    return None if rate is None else {"per_second": rate.per_second, "burst": rate.burst}


def _certificate(endpoint: Endpoint) -> dict[str, Any] | None:
    if endpoint.client_certificate is None:
        return None
    sha256 = endpoint.settings.client_certificate_sha256
    return {"expires_at": rfc3339(endpoint.client_certificate.expires_at), "sha256": sha256}


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
