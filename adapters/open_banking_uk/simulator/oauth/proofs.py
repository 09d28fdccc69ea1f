"""What the client signs: assertions that it is the client, and requests to authorise."""

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.open_banking_uk.simulator.credentials import CLIENT_ID, Credentials

_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_MAX_SECONDS = 3_600
_SKEW_SECONDS = 30


class NoProof(Exception):
    """What was signed does not hold; the message says why, for the error's description."""


class Proofs:
    """Checks them with the client's public key; an assertion is taken once."""

    def __init__(self, credentials: Credentials, issuer: str) -> None:
        self._keys = KeySet([credentials.client])
        self._issuer = issuer
        self._seen: set[str] = set()

    def check_client(self, form: dict[str, str]) -> None:
        """Whether the form comes from the client (RFC 7523 §3). Raises NoProof."""
        if form.get("client_assertion_type") != _TYPE:
            raise NoProof("client_assertion_type")
        claims = self._claims(form.get("client_assertion", ""))
        audience = claims.get("aud")
        allowed = {self._issuer, f"{self._issuer}/oauth/token"}
        if not allowed & set(audience if isinstance(audience, list) else [audience]):
            raise NoProof("aud")
        if claims.get("iss") != CLIENT_ID or claims.get("sub") != CLIENT_ID:
            raise NoProof("iss and sub")
        _check_times(claims)
        identifier = claims.get("jti")
        if not isinstance(identifier, str) or identifier in self._seen:
            raise NoProof("jti")
        self._seen.add(identifier)

    def request(self, query: dict[str, str]) -> dict[str, Any]:
        """The claims of a request object that agrees with what stands beside it (RFC 9101). Raises NoProof."""
        claims = self._claims(query.get("request", ""))
        if claims.get("aud") != self._issuer or claims.get("iss") != CLIENT_ID:
            raise NoProof("iss and aud")
        _check_times(claims)
        for name in ("client_id", "response_type", "scope", "redirect_uri"):
            if name in query and query[name] != claims.get(name):
                raise NoProof(name)
        wanted = {"response_type": "code", "code_challenge_method": "S256", "client_id": CLIENT_ID}
        for name, value in wanted.items():
            if claims.get(name) != value:
                raise NoProof(name)
        for name in ("state", "nonce", "code_challenge", "redirect_uri", "scope"):
            if not isinstance(claims.get(name), str) or not claims[name]:
                raise NoProof(name)
        return claims

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            return dict(jwt.decode(token, self._keys, algorithms=["PS256"]).claims)
        except (JoseError, ValueError, TypeError):
            raise NoProof("signature") from None


def intent_of(claims: dict[str, Any]) -> str:
    """The consent that a request to authorise is about. Raises NoProof."""
    try:
        intent = claims["claims"]["id_token"]["openbanking_intent_id"]
        if intent["essential"] is True and isinstance(intent["value"], str):
            return str(intent["value"])
    except (KeyError, TypeError):
        pass
    raise NoProof("openbanking_intent_id")


def _check_times(claims: dict[str, Any]) -> None:
    now, expires = time.time(), claims.get("exp")
    begins = claims.get("nbf", claims.get("iat"))
    if not isinstance(expires, int) or not isinstance(begins, int):
        raise NoProof("exp and nbf")
    if begins > now + _SKEW_SECONDS or expires < now - _SKEW_SECONDS or expires - begins > _LIFETIME_MAX_SECONDS:
        raise NoProof("exp and nbf")
