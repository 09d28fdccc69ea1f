"""How a payer, or an account's holder, is sent to the bank and what comes back is exchanged.

The authorisation code flow of OpenID Connect with a signed request object (RFC 9101) that names the consent in the
claim `openbanking_intent_id`, and with PKCE (RFC 7636). Everything that counts stands inside the signature; what stands
beside it repeats it, because OpenID Connect Core §6.1 wants it there.
"""

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError

from adapters.contract import BankSettings, Handshake
from adapters.open_banking_uk.requests import token
from adapters.signing.keys import private_key
from adapters.wire import WireRequest
from kernel.masked import Secret

_ALGORITHM = "PS256"
_LIFETIME_SECONDS = 3_600  # FAPI 1.0 Advanced §5.2.2: at most an hour after nbf.
_STRONG_AUTHENTICATION = "urn:openbanking:psd2:sca"


def authorisation_url(
    settings: BankSettings, scope: str, consent_id: str | None, handshake: Handshake | None, now: datetime
) -> str:
    """Where the bank asks for consent. Raises ValueError without consent, handshake or a needed setting."""
    if consent_id is None or handshake is None:
        raise ValueError("nobody is sent to the bank without a consent and a handshake")
    scope = f"openid {scope}"
    try:
        claims = _claims(settings, scope, handshake, now) | {"claims": _about(consent_id)}
        query = {
            "client_id": settings.options["client_id"],
            "response_type": "code",
            "scope": scope,
            "redirect_uri": handshake.redirect_uri,
            "request": _request_object(settings, claims),
        }
        return f"{settings.options['authorization_url']}?{urlencode(query)}"
    except LookupError:
        raise ValueError("a setting that authorisations need is missing") from None


def exchange(handshake: Handshake | None) -> WireRequest:
    """The code's exchange for access. Raises ValueError without the code."""
    if handshake is None or handshake.code is None:
        raise ValueError("there is no code to exchange")
    return token(
        {
            "grant_type": "authorization_code",
            "code": handshake.code.reveal(),
            "redirect_uri": handshake.redirect_uri,
            "code_verifier": handshake.code_verifier.reveal(),
        }
    )


def refresh(refresh_token: Secret | None) -> WireRequest:
    """New access for a refresh token. Raises ValueError without one."""
    if refresh_token is None:
        raise ValueError("there is no refresh token")
    return token({"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()})


def challenge(code_verifier: str) -> str:
    """PKCE's S256 challenge (RFC 7636 §4.2)."""
    return urlsafe_b64encode(sha256(code_verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _claims(settings: BankSettings, scope: str, handshake: Handshake, now: datetime) -> dict[str, Any]:
    issued_at, client_id = int(now.timestamp()), settings.options["client_id"]
    return {
        "iss": client_id,
        "aud": settings.options["issuer"],
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + _LIFETIME_SECONDS,
        "client_id": client_id,
        "response_type": "code",
        "scope": scope,
        "redirect_uri": handshake.redirect_uri,
        "state": handshake.state.reveal(),
        "nonce": handshake.nonce.reveal(),
        "code_challenge": challenge(handshake.code_verifier.reveal()),
        "code_challenge_method": "S256",
    }


def _about(consent_id: str) -> dict[str, Any]:
    intent = {"value": consent_id, "essential": True}
    acr = {"essential": True, "values": [_STRONG_AUTHENTICATION]}
    return {"userinfo": {"openbanking_intent_id": intent}, "id_token": {"openbanking_intent_id": intent, "acr": acr}}


def _request_object(settings: BankSettings, claims: dict[str, Any]) -> str:
    header = {"alg": _ALGORITHM, "kid": settings.options["signing_key_id"], "typ": "JWT"}
    try:
        return jwt.encode(header, claims, private_key(settings.secrets["signing_key"]), algorithms=[_ALGORITHM])
    except JoseError:
        raise ValueError("the signing key cannot sign") from None
