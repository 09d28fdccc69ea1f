"""The OAuth endpoints: from forms to what the authorization server answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from gateway.http.call import Call, Reply
from gateway.http.peer.certificates import CallerCertificates
from gateway.oauth.authentication.request import ClientRequest
from gateway.oauth.clients.methods import MethodPolicy
from gateway.oauth.dpop.target import Target
from gateway.oauth.metadata import metadata, resource_metadata
from gateway.oauth.refusals import log_refusal
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.tokens.answers import TokenAnswer
from gateway.oauth.tokens.granting import TokenRequest
from gateway.oauth.tokens.inspection import TokenInspection
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.oauth.tokens.server import TokenServer

_FORM = "application/x-www-form-urlencoded"
_PARAMETERS_MAX = 20
# The one parameter that may stand more than once (RFC 8707 §2).
_REPEATABLE = "resource"
# Relying parties may keep keys and metadata for a while; a new key is published before tokens carry it.
_CACHED = {"Cache-Control": "public, max-age=300"}


class OAuthServices(Protocol):
    """What the OAuth handlers use."""

    @property
    def tokens(self) -> TokenServer:
        """The token endpoint's work."""
        ...

    @property
    def inspection(self) -> TokenInspection:
        """Revocation and introspection."""
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


@dataclass(frozen=True, slots=True)
class _Form:
    """Parameters that stand once, and the resources that are asked for."""

    fields: Mapping[str, str]
    resources: tuple[str, ...]


async def token(services: OAuthServices, call: Call) -> Reply:
    """An access token (RFC 6749 §4.4), or an error of RFC 6749 §5.2."""
    form = _form(call)
    if form is None:
        return _no_form()
    client = _client_request(services, call, form)
    request = TokenRequest(
        client=client,
        target=Target(call.request.method, services.token_policy.token_endpoint),
        resources=form.resources,
        proofs=call.request.headers.getall("DPoP", []),
    )
    return _reply("token", call, client, await services.tokens.answer(request))


async def revoke_token(services: OAuthServices, call: Call) -> Reply:
    """200 for every token that is of no use from now on, or was none before (RFC 7009 §2.2)."""
    form = _form(call)
    if form is None:
        return _no_form()
    client = _client_request(services, call, form)
    return _reply("revoke", call, client, await services.inspection.revoke(client))


async def introspect_token(services: OAuthServices, call: Call) -> Reply:
    """What a token says, or that it is not active (RFC 7662 §2.2)."""
    form = _form(call)
    if form is None:
        return _no_form()
    client = _client_request(services, call, form)
    return _reply("introspect", call, client, await services.inspection.introspect(client))


async def jwks(services: OAuthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """The public keys that verify access tokens (RFC 7517)."""
    return Reply(services.keys.public, headers=_CACHED)


async def oauth_metadata(services: OAuthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """What clients can find out by themselves (RFC 8414)."""
    return Reply(metadata(services.token_policy, services.methods), headers=_CACHED)


async def protected_resource(services: OAuthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """What clients can find out by themselves about this API (RFC 9728)."""
    return Reply(resource_metadata(services.token_policy, services.methods), headers=_CACHED)


def _client_request(services: OAuthServices, call: Call, form: _Form) -> ClientRequest:
    """What a call shows of the client that makes it."""
    return ClientRequest(
        authorization=call.request.headers.get("Authorization"),
        form=form.fields,
        certificate=services.certificates.of(call.request),
        address=call.address,
    )


def _reply(endpoint: str, call: Call, client: ClientRequest, answer: TokenAnswer) -> Reply:
    log_refusal(endpoint, call.request_id, client, answer)
    return Reply(None if answer.body is None else dict(answer.body), answer.status, answer.headers)


def _no_form() -> Reply:
    words = "Send the parameters as application/x-www-form-urlencoded, each of them once."
    return Reply({"error": "invalid_request", "error_description": words}, 400)


def _form(call: Call) -> _Form | None:
    """The form, or None where it is none or repeats a parameter, which RFC 6749 §3.2 forbids."""
    if call.request.content_type != _FORM:
        return None
    try:
        pairs = parse_qsl(call.raw.decode(), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX, errors="strict")
    except ValueError:
        return None
    once = [(name, value) for name, value in pairs if name != _REPEATABLE]
    resources = tuple(value for name, value in pairs if name == _REPEATABLE)
    fields = dict(once)
    return _Form(fields, resources) if len(fields) == len(once) else None
