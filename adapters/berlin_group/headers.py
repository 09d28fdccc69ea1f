"""The headers that every request of this protocol shares, and those that tell of the payer and of our own pages."""

from urllib.parse import parse_qsl, urlencode

from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.contract import BankSettings, Handshake, Payer

Headers = tuple[tuple[str, str], ...]

_COMMON: Headers = (("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "threadneedle"))
_JSON: Headers = (("Content-Type", "application/json"),)


def common(*, with_body: bool) -> Headers:
    """What stands in every request."""
    return (*_COMMON, *_JSON) if with_body else _COMMON


def fresh(settings: BankSettings) -> tuple[str, ...]:
    """X-Request-ID is new at every call, as the standard wants it; Date is there where the bank wants it signed."""
    dated = "date" in settings.options.get("signature_covers", "")
    return BERLIN_GROUP.fresh_headers if dated else ("x-request-id",)


def of_payer(payer: Payer | None) -> Headers:
    """The person at whose wish we call, as the partner saw them."""
    if payer is None:
        return ()
    told = (("PSU-IP-Address", payer.ip_address), ("PSU-User-Agent", payer.user_agent))
    return tuple((name, value.reveal()) for name, value in told if value is not None)


def of_return(settings: BankSettings, handshake: Handshake | None) -> Headers:
    """How the payer is to approve, and where the bank sends their browser afterwards."""
    if settings.options.get("sca_preference") == "decoupled":
        return (("TPP-Redirect-Preferred", "false"), ("TPP-Decoupled-Preferred", "true"))
    if handshake is None:
        return (("TPP-Redirect-Preferred", "true"),)
    state = {"state": handshake.state.reveal()}
    return (
        ("TPP-Redirect-Preferred", "true"),
        ("TPP-Redirect-URI", _with(handshake.redirect_uri, state)),
        ("TPP-Nok-Redirect-URI", _with(handshake.redirect_uri, {**state, "refused": "1"})),
    )


def _with(uri: str, more: dict[str, str]) -> str:
    """The address with these in its query, each once."""
    address, _, query = uri.partition("?")
    return f"{address}?{urlencode({**dict(parse_qsl(query)), **more})}"
