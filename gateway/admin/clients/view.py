"""A client as it is shown to admins."""

from typing import Any

from gateway.admin.handlers import owned
from gateway.admin.journal import Row
from gateway.oauth.clients.credentials import Opened
from kernel.ids import Environment, Kind, to_text
from payments.view import rfc3339


def client_view(row: Row, opened: Opened) -> dict[str, Any]:
    """Its members as gateway.schemas.oauth.clients.ClientOut lists them; never a secret."""
    environment, ends_at = Environment(row["environment"]), row["older_secret_ends_at"]
    return {
        **owned(row, Kind.CLIENT),
        "name": row["name"],
        "scopes": row["scopes"],
        "token_endpoint_auth_method": row["method"],
        **({} if opened.credentials is None else opened.credentials.to_metadata()),
        "token_binding": row["token_binding"],
        "token_binding_certificates": [] if opened.binding is None else opened.binding.to_pem(),
        "merchant_ids": [to_text(Kind.MERCHANT, each, environment) for each in row["merchant_ids"]],
        "networks": [str(network) for network in row["networks"]],
        "older_secret_ends_at": None if ends_at is None else rfc3339(ends_at),
    }
