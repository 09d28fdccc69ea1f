"""Client assertions: a short-lived JWT by our own key proves to the bank which client asks (RFC 7523 §2.2, §3)."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError

from adapters.contract import Bank
from adapters.signing.keys import private_key

_ALGORITHM = "PS256"  # FAPI 1.0 Advanced §8.6
_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_SECONDS = 60


class Assertions:
    """Makes assertions."""

    def form(self, bank: Bank, now: datetime) -> str:
        """The form's part with a fresh assertion. Raises ValueError or LookupError for settings that cannot sign."""
        return urlencode({"client_assertion_type": _TYPE, "client_assertion": self.make(bank, now)})

    def make(self, bank: Bank, now: datetime) -> str:
        """An assertion for the bank's authorisation server: the option `issuer`, or else `token_url`, names it."""
        options = bank.settings.options
        issued_at = int(now.timestamp())
        claims = {
            "iss": options["client_id"],
            "sub": options["client_id"],
            "aud": options.get("issuer") or options["token_url"],
            "jti": str(uuid4()),
            "iat": issued_at,
            "exp": issued_at + _LIFETIME_SECONDS,
        }
        header = {"alg": _ALGORITHM, "kid": options["signing_key_id"], "typ": "JWT"}
        key = private_key(bank.settings.secrets["signing_key"])
        try:
            return jwt.encode(header, claims, key, algorithms=[_ALGORITHM])
        except JoseError:
            raise ValueError("the signing key cannot sign") from None
