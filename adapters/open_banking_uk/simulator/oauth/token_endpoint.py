"""The token endpoint: client credentials, codes and refresh tokens, each with a client assertion (RFC 6749 §3.2)."""

import time
from typing import Any

import orjson
from aiohttp import web
from joserfc import jwt

from adapters.contract.accounts import ReadingKind
from adapters.declaration import OperationKind
from adapters.open_banking_uk.authorisation import challenge
from adapters.open_banking_uk.simulator.credentials import CLIENT_ID, Credentials
from adapters.open_banking_uk.simulator.oauth.proofs import NoProof, Proofs
from adapters.open_banking_uk.simulator.oauth.tokens import ACCESS_SECONDS, Access, Code, Tokens
from adapters.simulation.faults import Fault, FaultPlan, StruckKind
from adapters.simulation.misbehaviour import Answer, Misbehaviour

_STRUCK: dict[str, StruckKind] = {"authorization_code": OperationKind.AUTHORISE, "refresh_token": ReadingKind.REFRESH}
_SCOPES = frozenset({"payments", "accounts"})
_NOT_DONE = frozenset({Fault.TOO_MANY, Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE})
_NO_STORE = {"Cache-Control": "no-store"}


class TokenError(Exception):
    """An error of RFC 6749 §5.2."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class TokenEndpoint:
    """Gives tokens."""

    def __init__(
        self, credentials: Credentials, proofs: Proofs, tokens: Tokens, plan: FaultPlan, misbehaviour: Misbehaviour
    ) -> None:
        self._credentials = credentials
        self._proofs = proofs
        self._tokens = tokens
        self._plan = plan
        self._misbehaviour = misbehaviour

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Faults strike the exchange of codes, and of refresh tokens."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        kind = _STRUCK.get(form.get("grant_type", ""))
        fault = None if kind is None else self._plan.take(kind)
        if fault is Fault.REFUSE:
            form = {**form, "code": "refused", "refresh_token": "refused"}
        if fault is Fault.WRONG_REFERENCE:
            self._tokens.confuse(form.get("code", ""))
        if fault in _NOT_DONE:
            return await self._misbehaviour.give(request, _error(TokenError("temporarily_unavailable", 503)), fault)
        return await self._misbehaviour.give(request, self._answer(request, form), fault)

    def _answer(self, request: web.Request, form: dict[str, str]) -> Answer:
        try:
            self._proofs.check_client(form)
            return _success(self._granted(str(request.url.origin()), form))
        except NoProof:
            return _error(TokenError("invalid_client", 401))
        except TokenError as error:
            return _error(error)

    def _granted(self, issuer: str, form: dict[str, str]) -> dict[str, Any]:
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_client(form)
            case "authorization_code":
                return self._for_code(issuer, form)
            case "refresh_token":
                return self._for_refresh(form)
            case _:
                raise TokenError("unsupported_grant_type")

    def _for_client(self, form: dict[str, str]) -> dict[str, Any]:
        scope = form.get("scope", "")
        if scope not in _SCOPES:
            raise TokenError("invalid_scope")
        return self._bearer(Access(scope=scope))

    def _for_code(self, issuer: str, form: dict[str, str]) -> dict[str, Any]:
        code = self._tokens.take_code(form.get("code", ""))
        if code is None or form.get("redirect_uri") != code.redirect_uri:
            raise TokenError("invalid_grant")
        verifier = form.get("code_verifier", "")
        if not verifier.isascii() or challenge(verifier) != code.code_challenge:
            raise TokenError("invalid_grant")
        refresh = self._tokens.new_refresh(code.access)
        given = self._bearer(code.access) | {"refresh_token": refresh, "id_token": self._id_token(issuer, code)}
        code.given += [given["access_token"], refresh]
        return given

    def _for_refresh(self, form: dict[str, str]) -> dict[str, Any]:
        access = self._tokens.refreshed(form.get("refresh_token", ""))
        if access is None:
            raise TokenError("invalid_grant")
        return self._bearer(access)

    def _bearer(self, access: Access) -> dict[str, Any]:
        token = self._tokens.new_access(access)
        return {"access_token": token, "token_type": "Bearer", "expires_in": ACCESS_SECONDS, "scope": access.scope}

    def _id_token(self, issuer: str, code: Code) -> str:
        now = int(time.time())
        about = {"sub": code.access.consent_id, "openbanking_intent_id": code.access.consent_id, "nonce": code.nonce}
        claims = {"iss": issuer, "aud": CLIENT_ID, "iat": now, "exp": now + ACCESS_SECONDS, **about}
        header = {"alg": "PS256", "kid": self._credentials.bank.kid}
        return jwt.encode(header, claims, self._credentials.bank, algorithms=["PS256"])


def _success(told: dict[str, Any]) -> Answer:
    error_body = orjson.dumps({"error": "server_error"})
    return Answer(status=200, body=orjson.dumps(told), error_body=error_body, headers=_NO_STORE)


def _error(error: TokenError) -> Answer:
    body = orjson.dumps({"error": error.code})
    return Answer(status=error.status, body=body, error_body=body, headers=_NO_STORE)
