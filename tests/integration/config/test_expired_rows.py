import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import asyncpg
import pytest

from config.database.expired_rows import Kept, delete_expired_rows
from payments.recovery.reports import CAN_BE_LAST
from payments.states.names import FINAL_STATUSES, PaymentStatus

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
INSERTS = {
    Kept.EVENT_KEYS: "INSERT INTO event_keys (partner_id, environment, key_digest, fingerprint, event_id, created_at)"
    " SELECT gen_random_uuid(), 'test', 'd', 'f', gen_random_uuid(), $1 FROM generate_series(1, $2)",
    Kept.REQUEST_KEYS: "INSERT INTO request_keys"
    " (partner_id, environment, key_digest, fingerprint, resource_id, status_code, created_at)"
    " SELECT gen_random_uuid(), 'test', 'd', 'f', gen_random_uuid(), 201, $1 FROM generate_series(1, $2)",
    Kept.MANIFESTS: "INSERT INTO endpoint_manifests"
    " (partner_id, endpoint_id, day, first_sequence, last_sequence, digest, document)"
    " SELECT gen_random_uuid(), gen_random_uuid(), $1::timestamptz, 1, 1, 'd', 'j' FROM generate_series(1, $2)",
    Kept.REPLAYS: "INSERT INTO replays (partner_id, id, environment, state, requested_by, since, until,"
    " rate_per_second, total, created_at, ended_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 'test', 'completed', 'c', $1, $1, 1, 0, $1, $1"
    " FROM generate_series(1, $2)",
    Kept.AUTHORISATIONS: "INSERT INTO authorisations (partner_id, id, environment, bank_id, payment_id, submission_id,"
    " status, state_digest, sealed_handshake, updated_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 'test', 'b', gen_random_uuid(), gen_random_uuid(), 'ended',"
    " uuid_send(gen_random_uuid()), 'h', $1 FROM generate_series(1, $2)",
    Kept.SILENCES: "INSERT INTO endpoint_silences (partner_id, endpoint_id, began_at, environment, state, ended_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), $1::timestamptz - interval '50 days', 'test', 'disabled', $1"
    " FROM generate_series(1, $2)",
    Kept.CONSENTS: "INSERT INTO account_consents (partner_id, id, environment, merchant_id, client_id, bank_id, status,"
    " valid_until, authorise_by, state_digest, sealed_terms, ended_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 'test', gen_random_uuid(), gen_random_uuid(), 'b', 'revoked',"
    " $1, $1, uuid_send(gen_random_uuid()), '\\x00', $1 FROM generate_series(1, $2::int)",
    Kept.CONSENT_EXCHANGES: "INSERT INTO consent_exchanges (partner_id, id, consent_id, kind, at, outcome, duration_us,"
    " sealed_exchange) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'consent', $1, 'answered', 1,"
    " '\\x00' FROM generate_series(1, $2::int)",
    Kept.NOTIFICATIONS: "INSERT INTO bank_notifications (bank_id, id, dedupe_key, sealed_raw, verified, processed_at)"
    " SELECT 'b', gen_random_uuid(), uuid_send(gen_random_uuid()), '\\x00', true, $1 FROM generate_series(1, $2::int)",
    Kept.PAYMENT_EXCHANGES: "INSERT INTO bank_exchanges (partner_id, id, operation_id, at, outcome, duration_us,"
    " sealed_exchange) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), $1, 'answered', 1, '\\x00'"
    " FROM generate_series(1, $2::int)",
    Kept.USED_ASSERTIONS: "INSERT INTO used_assertions (partner_id, client_id, digest, expires_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 'd', $1 FROM generate_series(1, $2)",
}


async def test_old_rows_go_and_young_ones_stay(database: Pool) -> None:
    """Each kind of row is forgotten at its own age, in chunks, also by two workers at once."""
    for insert in INSERTS.values():
        await database.execute(insert, NOW - timedelta(days=40), 6_000)
        await database.execute(insert, NOW - timedelta(days=20), 10)
    days = {**dict.fromkeys(Kept, 30), Kept.REQUEST_KEYS: 90}
    deleted = await asyncio.gather(*(delete_expired_rows(database, NOW, days) for _ in range(2)))
    for kept in Kept:
        went = 0 if kept is Kept.REQUEST_KEYS else 6_000
        assert sum(each[kept] for each in deleted) == went
        assert await database.fetchval(f"SELECT count(*) FROM {kept}") == 6_010 - went  # noqa: S608


@pytest.mark.parametrize("state", ["running", "paused"])
async def test_a_replay_that_has_not_ended_is_kept(database: Pool, state: str) -> None:
    """However old, a replay that runs or is paused stays on record."""
    await database.execute(INSERTS[Kept.REPLAYS], NOW - timedelta(days=400), 2)
    await database.execute("UPDATE replays SET state = $1::replay_state, ended_at = NULL", state)
    assert await delete_expired_rows(database, NOW, {Kept.REPLAYS: 30}) == {Kept.REPLAYS: 0}


async def test_a_silence_that_goes_on_is_kept(database: Pool) -> None:
    """An endpoint that has been disabled for longer than events are kept still says since when."""
    await database.execute(INSERTS[Kept.SILENCES], NOW - timedelta(days=400), 2)
    await database.execute("UPDATE endpoint_silences SET ended_at = NULL")
    assert await delete_expired_rows(database, NOW, {Kept.SILENCES: 30}) == {Kept.SILENCES: 0}


async def test_a_notification_that_waits_is_kept(database: Pool) -> None:
    """However long ago a bank sent it, what was not applied yet is not forgotten."""
    await database.execute(INSERTS[Kept.NOTIFICATIONS], NOW - timedelta(days=400), 2)
    await database.execute("UPDATE bank_notifications SET processed_at = NULL")
    assert await delete_expired_rows(database, NOW, {Kept.NOTIFICATIONS: 30}) == {Kept.NOTIFICATIONS: 0}


_ENDED = FINAL_STATUSES | CAN_BE_LAST
_OF_A_PAYMENT = """
WITH payment AS (
    INSERT INTO payments (partner_id, id, environment, merchant_id, client_id, bank_id, amount_value, amount_currency,
                          sealed_terms, status, next_check_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'test', gen_random_uuid(), gen_random_uuid(), 'b', 1, 'EUR', '', $2, $3
    RETURNING partner_id, id
), exception AS (
    INSERT INTO payment_exceptions (partner_id, id, payment_id, code, closed_at)
    SELECT partner_id, gen_random_uuid(), id, 'no_end_told', CASE WHEN $4 THEN NULL ELSE now() END FROM payment
), operation AS (
    INSERT INTO bank_operations (partner_id, id, payment_id, submission_id, sequence, kind, state, idempotency_key,
                                 digest, sealed_request)
    SELECT partner_id, gen_random_uuid(), id, gen_random_uuid(), 1, 'submit', 'answered', 'k', '', '' FROM payment
    RETURNING partner_id, id
)
INSERT INTO bank_exchanges (partner_id, id, operation_id, at, outcome, duration_us, sealed_exchange)
SELECT partner_id, gen_random_uuid(), id, $1, 'answered', 1, '' FROM operation
"""


@pytest.mark.parametrize("is_checked", [False, True])
@pytest.mark.parametrize("is_open", [False, True])
async def test_what_banks_said_is_kept_while_somebody_may_need_it(
    database: Pool, *, is_checked: bool, is_open: bool
) -> None:
    """Of a payment that has not ended, that is asked about or for which a person was called, however old."""
    checked = NOW if is_checked else None
    for status in PaymentStatus:
        await database.execute(_OF_A_PAYMENT, NOW - timedelta(days=900), status.value, checked, is_open)
    deleted = await delete_expired_rows(database, NOW, {Kept.PAYMENT_EXCHANGES: 400})
    assert deleted == {Kept.PAYMENT_EXCHANGES: 0 if is_checked or is_open else len(_ENDED)}
    left = await database.fetch(
        "SELECT p.status::text AS status FROM bank_exchanges e JOIN bank_operations o ON o.id = e.operation_id"
        " JOIN payments p ON p.id = o.payment_id"
    )
    assert {row["status"] for row in left} == {*PaymentStatus} - (set() if is_checked or is_open else _ENDED)
