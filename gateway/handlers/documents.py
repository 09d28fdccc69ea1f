"""What anybody may call: the token endpoint, documents about the API, health."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from gateway.health import Health
from gateway.http.call import Call, Reply
from gateway.http.peer.certificates import CallerCertificates
from gateway.oauth.authentication.request import ClientRequest
from gateway.oauth.clients.methods import MethodPolicy
from gateway.oauth.metadata import metadata
from gateway.oauth.tokens.keys import KeyRing
from gateway.oauth.tokens.server import TokenPolicy, TokenServer

_FORM = "application/x-www-form-urlencoded"
_PARAMETERS_MAX = 20
# Relying parties may keep keys and metadata for a while; a new key is published before tokens carry it.
_CACHED = {"Cache-Control": "public, max-age=300"}


class HealthServices(Protocol):
    """What the health handlers use."""

    @property
    def health(self) -> Health:
        """This process."""
        ...


class OAuthServices(Protocol):
    """What the OAuth handlers use."""

    @property
    def tokens(self) -> TokenServer:
        """The token endpoint's work."""
        ...

    @property
    def token_policy(self) -> TokenPolicy:
        """Issuer and lifetime."""
        ...

    @property
    def methods(self) -> MethodPolicy:
        """How clients may authenticate."""
        ...

    @property
    def certificates(self) -> CallerCertificates:
        """Where a caller's certificate is found."""
        ...

    @property
    def keys(self) -> KeyRing:
        """The signing keys."""
        ...


async def token(services: OAuthServices, call: Call) -> Reply:
    """An access token (RFC 6749 §4.4), or an error of RFC 6749 §5.2."""
    form = _form(call)
    if form is None:
        return Reply({"error": "invalid_request"}, 400)
    answer = await services.tokens.answer(client_request(services, call, form))
    return Reply(dict(answer.body), answer.status, answer.headers)


def client_request(services: OAuthServices, call: Call, form: Mapping[str, str]) -> ClientRequest:
    """What an endpoint's call shows of the client that makes it."""
    return ClientRequest(
        authorization=call.request.headers.get("Authorization"),
        form=form,
        certificate=services.certificates.of(call.request),
        address=call.address,
    )


async def jwks(services: OAuthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """The public keys that verify access tokens (RFC 7517)."""
    return Reply(services.keys.public, headers=_CACHED)


async def oauth_metadata(services: OAuthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """What clients can find out by themselves (RFC 8414)."""
    return Reply(metadata(services.token_policy, services.methods), headers=_CACHED)


async def livez(services: Any, call: Call) -> Reply:  # noqa: ARG001 - answering is the answer
    """This process runs."""
    return Reply({"status": "alive"})


async def readyz(services: HealthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """This process may be sent requests."""
    ready, checks = await services.health.ready()
    return Reply({"status": "ready" if ready else "not_ready", "checks": checks}, 200 if ready else 503)


async def metrics(services: HealthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """What this process counts, for Prometheus."""
    return Reply(services.health.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _form(call: Call) -> dict[str, str] | None:
    """The form, or None where it is none or repeats a parameter, which RFC 6749 §3.2 forbids."""
    if call.request.content_type != _FORM:
        return None
    try:
        pairs = parse_qsl(call.raw.decode(), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX, errors="strict")
    except ValueError:
        return None
    form = dict(pairs)
    return form if len(form) == len(pairs) else None
