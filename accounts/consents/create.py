"""One transaction: request key, consent with what its holder is sent out with, and the record of who asked for it."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from accounts.consents import ledger
from accounts.consents.keys import Keyed, bind, find
from accounts.consents.rows import ConsentRow
from accounts.consents.sealed import ConsentTerms, state_digest, terms_context
from accounts.consents.states import ConsentState
from accounts.model import ConsentRequest, Requester
from accounts.tools import AccountBank, Connection, Tools
from adapters.checks import payer_errors
from adapters.contract import Handshake
from kernel.audit import AuditEntry, record
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Kind, new_id, to_text
from kernel.masked import Secret
from kernel.sealing import DataKey

# 256 bits each: RFC 6749 §10.10, RFC 7636 §4.1 (43 characters).
_RANDOM_BYTES = 32


class Creator:
    """Commits new consents."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def create(self, caller: Requester, request: ConsentRequest, keyed: Keyed) -> tuple[UUID, bool]:
        """The id of the consent, and whether it was there before under this key.

        Raises Invalid with every wrong field, Conflict `idempotency_key_reused`. The key is bound by this commit only.
        """
        try:
            bank = await self._bank(caller, request)
        except Invalid:
            # What was valid when the key was bound stays answered, also when the bank's rules have changed since.
            if (bound := await find(self._tools.pool, keyed)) is None:
                raise
            return bound, True
        key = await self._tools.vault.data_key(caller.tenant.partner_id, request.merchant_id)
        consent = self._draft(caller, request, bank, key)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            if (bound := await bind(connection, keyed, consent.id, consent.created_at)) is not None:
                return bound, True
            await self._check_parties(connection, consent)
            await ledger.insert(connection, consent)
            await record_act(connection, consent, caller, "consent.created")
        return consent.id, False

    async def _bank(self, caller: Requester, request: ConsentRequest) -> AccountBank:
        now, errors = self._tools.clock.now(), []
        ahead = timedelta(seconds=self._tools.policy.valid_seconds_max)
        if not now < request.valid_until <= now + ahead:
            message = f"must lie in the future, at most {ahead.days} days ahead"
            errors.append(FieldError(pointer="/valid_until", code="out_of_range", message=message))
        try:
            known = await self._tools.banks.get(request.bank_id)
        except NotFound:
            known = None
        bank = None
        if known is None or known.bank.environment is not caller.tenant.environment:
            errors.append(FieldError(pointer="/bank_id", code="not_found", message="there is no such bank"))
        elif (bank := self._tools.reader_of(known)) is None:
            message = "the accounts of this bank cannot be read"
            errors.append(FieldError(pointer="/bank_id", code="not_supported", message=message))
        else:
            errors += payer_errors(known.declaration, request.payer)
        if errors or bank is None:
            raise Invalid(errors)
        return bank

    def _draft(self, caller: Requester, request: ConsentRequest, bank: AccountBank, key: DataKey) -> ConsentRow:
        now = self._tools.clock.now()
        consent_id = new_id(now)
        terms = self._terms(request, bank)
        sealed = self._tools.vault.seal(key, terms.to_json(), terms_context(consent_id))
        digest = state_digest(terms.handshake.state)
        authorise_by = min(now + timedelta(seconds=self._tools.policy.authorise_seconds), request.valid_until)
        return _fresh(caller, request, consent_id, (digest, sealed), (now, authorise_by))

    def _terms(self, request: ConsentRequest, bank: AccountBank) -> ConsentTerms:
        base = self._tools.callback_base.rstrip("/")
        handshake = Handshake(
            redirect_uri=f"{base}/banks/{bank.bank.id}/callback",
            state=Secret(secrets.token_urlsafe(_RANDOM_BYTES)),
            nonce=Secret(secrets.token_urlsafe(_RANDOM_BYTES)),
            code_verifier=Secret(secrets.token_urlsafe(_RANDOM_BYTES)),
        )
        return ConsentTerms(return_url=request.return_url, payer=request.payer, handshake=handshake)

    async def _check_parties(self, connection: Connection, consent: ConsentRow) -> None:
        """Read here, so that a suspension is in force from its commit on."""
        merchant = await ledger.merchant_state(connection, consent)
        if merchant is None:
            raise Invalid([FieldError(pointer="/merchant_id", code="not_found", message="there is no such merchant")])
        if merchant == "suspended":
            message = "this merchant is suspended"
            raise Invalid([FieldError(pointer="/merchant_id", code="suspended", message=message)])


async def record_act(connection: Connection, consent: ConsentRow, caller: Requester, action: str) -> None:
    """Who asked for a consent, or ended it, in the caller's transaction."""
    environment = consent.tenant.environment
    await record(
        connection,
        AuditEntry(
            id=new_id(consent.updated_at),
            partner_id=consent.tenant.partner_id,
            actor=to_text(Kind.CLIENT, caller.client_id, environment),
            action=action,
            target=to_text(Kind.CONSENT, consent.id, environment),
            request_id=caller.request_id,
            detail={"bank_id": consent.bank_id, "environment": environment},
        ),
    )


def _fresh(
    caller: Requester,
    request: ConsentRequest,
    consent_id: UUID,
    sealed: tuple[bytes, bytes],
    times: tuple[datetime, datetime],
) -> ConsentRow:
    digest, terms = sealed
    now, authorise_by = times
    return ConsentRow(
        tenant=caller.tenant,
        id=consent_id,
        merchant_id=request.merchant_id,
        client_id=caller.client_id,
        bank_id=request.bank_id,
        status=ConsentState.CREATED,
        reason=None,
        valid_until=request.valid_until,
        authorise_by=authorise_by,
        bank_consent_id=None,
        state_digest=digest,
        sealed_terms=terms,
        method=None,
        sealed_url=None,
        returned_at=None,
        sealed_code=None,
        exchange_sent=False,
        sealed_grant=None,
        access_ends_at=None,
        is_doubted=False,
        must_end=False,
        accounts_at=None,
        lease_owner=None,
        lease_until=None,
        next_check_at=now,
        checks=0,
        created_at=now,
        updated_at=now,
        authorised_at=None,
        ended_at=None,
    )
