"""What the audit log tells of a client's change: old and new values of what is neither sealed nor somebody's words."""

from collections.abc import Mapping
from typing import Any

from gateway.admin.journal import Row
from kernel.ids import Environment, Kind, to_text

# Member → column. The name is somebody's word, and keys, URIs and certificates' names are sealed: of these the log says
# that they changed.
_TOLD = {
    "scopes": "scopes",
    "token_endpoint_auth_method": "method",
    "merchant_ids": "merchant_ids",
    "networks": "networks",
    "token_binding": "token_binding",
}


def differences(row: Row, wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By member its `before`, from the row, and its `after`; None in `wanted` keeps what there is."""
    environment = Environment(row["environment"])
    return {
        member: {
            "before": _plain(member, row[column], environment),
            "after": _plain(member, wanted[member], environment),
        }
        for member, column in _TOLD.items()
        if wanted[member] is not None
    }


def _plain(member: str, value: Any, environment: Environment) -> Any:
    if member == "merchant_ids":
        return [to_text(Kind.MERCHANT, each, environment) for each in value]
    return str(value) if isinstance(value, str) else [str(each) for each in value]
