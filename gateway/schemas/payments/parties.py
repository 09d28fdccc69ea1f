"""Who pays and who is paid, on the wire, and where a payer's browser goes."""

import re
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema, model_validator

from adapters.contract import Account, Creditor, Payer
from gateway.schemas.types import (
    DomesticNumber,
    Iban,
    Name,
    Request,
    RoutingNumber,
    SortCode,
    is_uk_number,
    whole,
    wrong,
)
from kernel.masked import Masked

_URL_MAX = 2_000
_AGENT_MAX = 500
# What a browser takes in a Location header: visible ASCII without what would end the URL in a page.
_URL = re.compile(r"https?://[!#-;=?-~]+")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def _return_url(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _URL_MAX or _URL.fullmatch(value) is None or not _is_clean(value):
        raise wrong("format", f"Expected an https URL of up to {_URL_MAX} characters, without credentials or fragment.")
    return value


def _is_clean(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and "#" not in url
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Whether only this machine answers there."""
    return urlsplit(url).hostname in _LOOPBACK_NAMES


def _ip_address(value: Masked) -> Masked:
    try:
        address = ip_address(value.reveal())
        # A server that listens for both kinds sees a payer's IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2).
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return Masked(str(mapped or address))
    except ValueError:
        raise wrong("format", "Expected an IPv4 or IPv6 address.") from None


def _user_agent(value: Masked) -> Masked:
    text = value.reveal()
    if re.fullmatch(rf"[ -~]{{1,{_AGENT_MAX}}}", text) is None or not text.strip():
        raise wrong("format", f"Expected 1 to {_AGENT_MAX} printable ASCII characters.")
    return value


def _shown(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **schema})


ReturnUrl = Annotated[
    str, *whole(_return_url, "string", format="uri", maxLength=_URL_MAX, examples=["https://shop.example/paid"])
]
IpAddress = Annotated[Masked, AfterValidator(_ip_address), _shown(maxLength=45, examples=["203.0.113.7"])]
UserAgent = Annotated[Masked, AfterValidator(_user_agent), _shown(minLength=1, maxLength=_AGENT_MAX)]


class AccountIn(Request):
    """An IBAN, or an account number with a sort code (United Kingdom) or a routing number (United States)."""

    iban: Iban | None = None
    sort_code: SortCode | None = None
    routing_number: RoutingNumber | None = None
    account_number: DomesticNumber | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.iban, self.sort_code, self.routing_number]
        if sum(form is not None for form in forms) != 1 or (self.iban is None) == (self.account_number is None):
            raise wrong("account", "Send iban, or account_number with either sort_code or routing_number.")
        if self.sort_code is not None and not is_uk_number(self.account_number):
            raise wrong("account", "An account_number beside a sort_code has 6 to 8 digits.")
        return self

    def to_account(self) -> Account:
        """As the payments room wants it."""
        return Account(
            iban=self.iban,
            sort_code=self.sort_code,
            routing_number=self.routing_number,
            account_number=self.account_number,
        )


class CreditorIn(Request):
    """Who is paid."""

    name: Name
    account: AccountIn

    def to_creditor(self) -> Creditor:
        """As the payments room wants it."""
        return Creditor(name=self.name, account=self.account.to_account())


class DebtorIn(Request):
    """The account to pay from; some banks need it, others let the payer choose."""

    account: AccountIn


class PayerIn(Request):
    """The person who wants it paid, as you see them; banks look for fraud with it, and some insist."""

    ip_address: IpAddress | None = None
    user_agent: UserAgent | None = None

    def to_payer(self) -> Payer:
        """As the payments room wants it."""
        return Payer(ip_address=self.ip_address, user_agent=self.user_agent)
