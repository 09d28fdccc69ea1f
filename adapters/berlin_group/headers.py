"""The headers that every request of this protocol shares, and those that tell of the payer and of our own pages."""

from urllib.parse import parse_qsl, urlencode

from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.contract import BankSettings, Handshake, Payer

Headers = tuple[tuple[str, str], ...]

_COMMON: Headers = (("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "threadneedle"))
_BOTH = "ipv4_and_ipv6"
_JSON: Headers = (("Content-Type", "application/json"),)


def common(*, with_body: bool) -> Headers:
    """What stands in every request."""
    return (*_COMMON, *_JSON) if with_body else _COMMON


def fresh(settings: BankSettings) -> tuple[str, ...]:
    """X-Request-ID is new at every call, as the standard wants it; Date is there where the bank wants it signed."""
    dated = "date" in settings.options.get("signature_covers", "")
    return BERLIN_GROUP.fresh_headers if dated else ("x-request-id",)


def takes_address(settings: BankSettings, payer: Payer | None) -> bool:
    """Whether there is an address of the payer that the bank takes: IPv4, as the standard's file has it, or any."""
    address = payer.ip_address if payer is not None else None
    return address is not None and (settings.options.get("payer_addresses") == _BOTH or ":" not in address.reveal())


def of_payer(settings: BankSettings, payer: Payer | None) -> Headers:
    """The person at whose wish we call, as the partner saw them; without an address that the bank does not take."""
    if payer is None:
        return ()
    address = payer.ip_address if takes_address(settings, payer) else None
    told = (("PSU-IP-Address", address), ("PSU-User-Agent", payer.user_agent))
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
