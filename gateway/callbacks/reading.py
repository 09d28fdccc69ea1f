"""What a browser brings back from a bank, as its query or its form says it. Pure."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from kernel.masked import Secret
from payments.journeys.returning import Brought

# RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6: the payer would not.
_REFUSALS = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})
_STATE_MAX = 200


def brought_of(fields: Mapping[str, str]) -> Brought | None:
    """None without a state, for then nobody can be found."""
    state, error = fields.get("state", ""), fields.get("error")
    if not 0 < len(state) <= _STATE_MAX:
        return None
    refused = error in _REFUSALS or fields.get("refused") == "1"
    code = fields.get("code")
    return Brought(
        state=Secret(state),
        code=None if code is None or error is not None else Secret(code),
        refused=refused,
        failed=error is not None and not refused,
    )


def form_of(raw: bytes) -> dict[str, str]:
    """The fields of a form (OAuth 2.0 Form Post Response Mode); of what is no form, none."""
    try:
        return dict(parse_qsl(raw.decode("ascii"), max_num_fields=20))
    except ValueError:
        return {}
