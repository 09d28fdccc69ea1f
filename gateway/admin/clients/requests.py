"""From bodies of the admin API to what the book is asked for; the command line reads its members the same way."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from gateway.admin.clients.model import ClientPatch, Limits, NewClient
from gateway.oauth.clients.methods import Method
from gateway.oauth.clients.registration import METADATA
from gateway.oauth.tokens.binding import TokenBinding
from gateway.schemas.oauth.clients import ClientChange, ClientIn
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Environment, Kind, from_text


def new_client(partner_id: UUID, body: ClientIn) -> NewClient:
    """Raises Invalid for merchants that cannot be any of the environment."""
    environment = Environment(body.environment)
    return NewClient(
        partner_id=partner_id,
        environment=environment,
        name=body.name,
        scopes=tuple(dict.fromkeys(body.scopes)),
        method=Method(body.token_endpoint_auth_method),
        metadata=_metadata(body),
        limits=Limits(merchant_ids=_merchants(body.merchant_ids, environment), networks=body.networks),
        token_binding=TokenBinding(body.token_binding),
        binding_certificates=body.token_binding_certificates,
    )


def patch_of(body: ClientChange, environment: Environment) -> ClientPatch:
    """Raises Invalid as `new_client` does."""
    return ClientPatch(
        name=body.name,
        scopes=None if body.scopes is None else tuple(dict.fromkeys(body.scopes)),
        method=None if body.token_endpoint_auth_method is None else Method(body.token_endpoint_auth_method),
        metadata=_metadata(body),
        merchant_ids=None if body.merchant_ids is None else _merchants(body.merchant_ids, environment),
        networks=body.networks,
        token_binding=None if body.token_binding is None else TokenBinding(body.token_binding),
        binding_certificates=body.token_binding_certificates,
    )


def _metadata(body: ClientIn | ClientChange) -> dict[str, Any]:
    found = {name: getattr(body, name) for name in METADATA}
    return {name: value for name, value in found.items() if value is not None}


def _merchants(texts: Sequence[str], environment: Environment) -> list[UUID]:
    found, errors = [], []
    for index, text in enumerate(texts):
        try:
            found.append(from_text(Kind.MERCHANT, text, environment))
        except NotFound:
            message = "Expected a merchant's id of the client's environment."
            errors.append(FieldError(pointer=f"/merchant_ids/{index}", code="unknown_id", message=message))
    if errors:
        raise Invalid(errors)
    return list(dict.fromkeys(found))
