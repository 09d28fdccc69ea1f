"""Consents in the database: held under their row's lock, changed, and told of in one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta

from accounts.consents.hear import Change
from accounts.consents.rows import ConsentRef, ConsentRow
from accounts.consents.sealed import access_end, code_context, grant_context, grant_to_json, url_context
from accounts.consents.states import ConsentState, event_type, is_allowed
from accounts.policy import at_step
from accounts.tools import Connection, Tools
from accounts.view import view_of
from adapters.contract import Authorisation, Grant
from kernel.ids import new_id
from kernel.masked import Secret
from kernel.sealing import DataKey
from kernel.sql import beside
from webhooks.events.model import NewEvent
from webhooks.queue.port import Job

_SQL = beside(__file__, "ledger.sql")


async def key_of(tools: Tools, consent: ConsentRow) -> DataKey:
    """The key that seals what belongs to the consent's merchant. Ask for it before a transaction begins."""
    return await tools.vault.data_key(consent.tenant.partner_id, consent.merchant_id)


async def find(tools: Tools, ref: ConsentRef) -> ConsentRow | None:
    """The consent as it stands."""
    row = await tools.pool.fetchrow(_SQL["find_consent"], ref.partner_id, ref.consent_id)
    return None if row is None else ConsentRow.from_row(row)


async def lock(connection: Connection, ref: ConsentRef) -> ConsentRow:
    """The consent, held until the transaction ends. Raises LookupError for none."""
    row = await connection.fetchrow(_SQL["lock_consent"], ref.partner_id, ref.consent_id)
    if row is None:
        raise LookupError("there is no such consent")
    return ConsentRow.from_row(row)


async def find_by_state(tools: Tools, digest: bytes, bank_id: str) -> ConsentRow | None:
    """The consent whose holder comes back with this state from this bank."""
    row = await tools.pool.fetchrow(_SQL["find_by_state"], digest, bank_id)
    return None if row is None else ConsentRow.from_row(row)


async def write(connection: Connection, consent: ConsentRow) -> None:
    """Keep what a held consent has become."""
    await connection.execute(
        _SQL["update_consent"],
        consent.tenant.partner_id,
        consent.id,
        consent.status.value,
        consent.reason,
        consent.valid_until,
        consent.authorise_by,
        consent.bank_consent_id,
        None if consent.method is None else consent.method.value,
        consent.sealed_url,
        consent.returned_at,
        consent.sealed_code,
        consent.exchange_sent,
        consent.sealed_grant,
        consent.access_ends_at,
        consent.is_doubted,
        consent.must_end,
        consent.lease_owner,
        consent.lease_until,
        consent.next_check_at,
        consent.checks,
        consent.updated_at,
        consent.authorised_at,
        consent.ended_at,
    )


async def insert(connection: Connection, consent: ConsentRow) -> None:
    """Keep a new consent."""
    await connection.execute(
        _SQL["insert_consent"],
        consent.tenant.partner_id,
        consent.id,
        consent.tenant.environment.value,
        consent.merchant_id,
        consent.client_id,
        consent.bank_id,
        consent.status.value,
        consent.valid_until,
        consent.authorise_by,
        consent.state_digest,
        consent.sealed_terms,
        consent.next_check_at,
        consent.created_at,
    )


async def merchant_state(connection: Connection, consent: ConsentRow) -> str | None:
    """`active` or `suspended`; None where there is no such merchant."""
    tenant = consent.tenant
    state: str | None = await connection.fetchval(
        _SQL["find_merchant"], tenant.partner_id, tenant.environment.value, consent.merchant_id
    )
    return state


class Changer:
    """Applies changes to consents that the caller holds."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def apply(
        self, connection: Connection, consent: ConsentRow, change: Change, key: DataKey
    ) -> tuple[ConsentRow, tuple[Job, ...]]:
        """The consent after the change, written, and the deliveries to offer once the caller has committed.

        Raises RuntimeError for a move that is not in the table of moves.
        """
        after = self._changed(consent, change, key)
        if not is_allowed(consent.status, after.status):
            raise RuntimeError(f"a consent cannot go from {consent.status} to {after.status}")
        await write(connection, after)
        if after.is_final and not consent.is_final:
            await connection.execute(_SQL["forget_balances"], after.tenant.partner_id, after.id)
        jobs = await self._tell(connection, after) if after.status is not consent.status else ()
        return after, jobs

    async def apply_beside(
        self, connection: Connection, consent: ConsentRow, change: Change, key: DataKey
    ) -> tuple[ConsentRow, tuple[Job, ...]]:
        """As `apply`, by who made no call: one under way keeps its lease, and what it makes is ended after it."""
        after, jobs = await self.apply(connection, consent, change, key)
        until = consent.lease_until
        if until is None or until <= self._tools.clock.now():
            return after, jobs
        leased = replace(after, lease_owner=consent.lease_owner, lease_until=until, next_check_at=until)
        await write(connection, leased)
        return leased, jobs

    def _changed(self, consent: ConsentRow, change: Change, key: DataKey) -> ConsentRow:
        now = self._tools.clock.now()
        after = replace(
            consent,
            reason=change.reason or consent.reason,
            bank_consent_id=change.bank_consent_id or consent.bank_consent_id,
            valid_until=min(consent.valid_until, change.valid_until or consent.valid_until),
            is_doubted=consent.is_doubted and not change.trusted,
            exchange_sent=consent.exchange_sent and not change.exchange_unsent,
            sealed_code=None if change.forget_code else consent.sealed_code,
            lease_owner=None,
            lease_until=None,
            updated_at=now,
        )
        if change.authorisation is not None:
            after = self._with_authorisation(after, change.authorisation, key)
        if change.grant is not None and not consent.is_final:
            after = self._with_grant(after, change.grant, key)
        after = _in_state(after, change.status or consent.status, now)
        if change.must_end is not None:
            after = replace(after, must_end=change.must_end and after.bank_consent_id is not None)
        return self._scheduled(consent, after, change)

    def _with_authorisation(self, consent: ConsentRow, given: Authorisation, key: DataKey) -> ConsentRow:
        ends = consent.authorise_by if given.expires_at is None else min(given.expires_at, consent.authorise_by)
        sealed = None if given.url is None else self._seal_url(consent, given.url, key)
        return replace(consent, method=given.method, sealed_url=sealed, authorise_by=ends)

    def _seal_url(self, consent: ConsentRow, url: Secret, key: DataKey) -> bytes:
        return self._tools.vault.seal(key, url.reveal().encode(), url_context(consent.id))

    def _with_grant(self, consent: ConsentRow, grant: Grant, key: DataKey) -> ConsentRow:
        sealed = self._tools.vault.seal(key, grant_to_json(grant), grant_context(consent.id))
        return replace(consent, sealed_grant=sealed, access_ends_at=access_end(grant, self._tools.clock.now()))

    def _scheduled(self, before: ConsentRow, after: ConsentRow, change: Change) -> ConsentRow:
        """When it is looked at next: at once while there is more to do, later after a call in vain."""
        now, policy = self._tools.clock.now(), self._tools.policy
        checks = after.checks + 1 if change.again and after.status is before.status else 0
        if change.again:
            delays = policy.retry_delays_seconds
            if after.status is ConsentState.AWAITING_AUTHORISATION:
                delays = policy.check_delays_seconds
            return replace(after, checks=checks, next_check_at=now + timedelta(seconds=at_step(delays, checks - 1)))
        return replace(after, checks=0, next_check_at=_next_look(after, now))

    async def _tell(self, connection: Connection, consent: ConsentRow) -> tuple[Job, ...]:
        type_ = event_type(consent.status)
        if type_ is None:
            return ()
        now = self._tools.clock.now()
        event = NewEvent(
            tenant=consent.tenant,
            id=new_id(now),
            type=type_,
            merchant_id=consent.merchant_id,
            occurred_at=now,
            data=view_of(consent).to_json(),
            ordering_key=consent.id,
        )
        written = await self._tools.events.write(connection, [event])
        return tuple(job for each in written for job in each.jobs)


def seal_code(tools: Tools, consent: ConsentRow, code: Secret, key: DataKey) -> bytes:
    """The code that a holder brought, sealed for its row."""
    return tools.vault.seal(key, code.reveal().encode(), code_context(consent.id))


def _in_state(consent: ConsentRow, status: ConsentState, now: datetime) -> ConsentRow:
    """The consent in a state, without what it has no more use for there."""
    if status is consent.status:
        return consent
    after = replace(consent, status=status, is_doubted=False)
    if status is not ConsentState.AWAITING_AUTHORISATION:
        after = replace(after, sealed_url=None)
    if status is ConsentState.AUTHORISED:
        return replace(after, authorised_at=now, exchange_sent=False)
    if after.is_final:
        return replace(after, sealed_code=None, sealed_grant=None, access_ends_at=None, ended_at=now)
    return after


def _next_look(consent: ConsentRow, now: datetime) -> datetime | None:
    match consent.status:
        case ConsentState.CREATED:
            return now
        case ConsentState.AWAITING_AUTHORISATION:
            return now if consent.sealed_code is not None else _poll(consent, now)
        case ConsentState.AUTHORISED:
            return now if consent.is_doubted else consent.valid_until
        case _:
            return now if consent.must_end else None


def _poll(consent: ConsentRow, now: datetime) -> datetime:
    """Soon: a bank that brings no code is asked by the cadence, and another one only when the time is over."""
    return min(now + timedelta(seconds=2), consent.authorise_by)
