"""The bank's door: who calls, with which access, and whether the request's head is as the standard wants it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiohttp import web

from adapters.contract import BankSettings
from adapters.open_banking_uk.simulator.answers import VERSIONS, Refused, Voice
from adapters.open_banking_uk.simulator.credentials import CLIENT_SIGNER, Credentials
from adapters.open_banking_uk.simulator.oauth.tokens import Access, Tokens
from adapters.signing.detached_jws import HEADER, verified

_KEY = re.compile(r"[!-~]([ -~]{0,38}[!-~])?")
_JSON = re.compile(r"application/json(; ?charset=utf-8)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, what they sent, and how they are answered."""

    voice: Voice
    body: bytes
    key: str
    consent_id: str | None
    account_ids: tuple[str, ...] = ()


class Door:
    """Lets requests in, or raises Refused."""

    def __init__(self, credentials: Credentials, tokens: Tokens, *, unencoded: bool) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._unencoded = unencoded
        options = {"bank_jwks": credentials.client_jwks, "bank_signature_issuer": CLIENT_SIGNER}
        form = {"signature_payload": "unencoded"} if unencoded else {}
        self._signer = BankSettings(base_url="", options=options | form)

    async def client(self, request: web.Request, scope: str, *, signed: bool = False) -> Caller:
        """A call with the client's own access."""
        return await self._let_in(request, self._access(request, scope, of_payer=False), signed=signed)

    async def payer(self, request: web.Request, scope: str, *, signed: bool = False) -> Caller:
        """A call with the access that an authorisation brought."""
        return await self._let_in(request, self._access(request, scope, of_payer=True), signed=signed)

    def voice(self, request: web.Request) -> Voice:
        """How this request is answered."""
        return Voice(
            version=request.match_info.get("version", VERSIONS[0]),
            interaction_id=request.headers.get("x-fapi-interaction-id") or str(uuid4()),
            key=self._credentials.bank,
            signs="/pisp/" in request.path,
            unencoded=self._unencoded,
        )

    def _access(self, request: web.Request, scope: str, *, of_payer: bool) -> Access:
        if request.match_info["version"] not in VERSIONS:
            raise Refused(404)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        access = self._tokens.access(token) if kind.lower() == "bearer" else None
        if access is None:
            raise Refused(401)
        if scope not in access.scope.split() or (access.consent_id is not None) is not of_payer:
            raise Refused(403, "U028")
        return access

    async def _let_in(self, request: web.Request, access: Access, *, signed: bool) -> Caller:
        body = await request.read()
        _check_common(request)
        if signed:
            _check_key(request)
            self._check_signature(request, body)
        else:
            _refuse_what_is_not_wanted(request)
        return Caller(
            voice=self.voice(request),
            body=body,
            key=request.headers.get("x-idempotency-key", ""),
            consent_id=access.consent_id,
            account_ids=access.account_ids,
        )

    def _check_signature(self, request: web.Request, body: bytes) -> None:
        signature = request.headers.get(HEADER)
        if signature is None:
            raise Refused(400, "U019", HEADER)
        if signature.count(".") != 2 or signature.split(".")[1]:
            raise Refused(400, "U018", HEADER)
        if not verified(signature, body, self._signer, datetime.now(UTC)):
            raise Refused(400, "U015", HEADER)


def _check_common(request: web.Request) -> None:
    interaction_id = request.headers.get("x-fapi-interaction-id")
    if interaction_id is not None and not _is_uuid(interaction_id):
        raise Refused(400, "U006", "x-fapi-interaction-id")
    if request.headers.get("Accept", "*/*").split(";")[0] not in {"*/*", "application/json"}:
        raise Refused(406)
    if request.method == "POST" and not _JSON.fullmatch(request.headers.get("Content-Type", "")):
        raise Refused(415)


def _check_key(request: web.Request) -> None:
    key = request.headers.get("x-idempotency-key")
    if key is None:
        raise Refused(400, "U007", "x-idempotency-key")
    if _KEY.fullmatch(key) is None:
        raise Refused(400, "U006", "x-idempotency-key")


def _refuse_what_is_not_wanted(request: web.Request) -> None:
    if "x-idempotency-key" in request.headers:
        raise Refused(400, "U006", "x-idempotency-key")
    if HEADER in request.headers:
        raise Refused(400, "U020", HEADER)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
