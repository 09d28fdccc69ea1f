"""Jobs as fixed-width binary records: one blob per call costs a fifth of separate arguments (measured).

The layouts stand at the head of each script in `lua/`. Ids are made as the database's driver makes them in its rows: a
kind of `uuid.UUID` that takes a tenth of the time.
"""

from collections.abc import Sequence
from math import ceil
from struct import Struct
from typing import Any

from asyncpg.pgproto.pgproto import UUID

from webhooks.queue.port import JOBS_PER_CALL_MAX, Claim, Finish, Job, Lane, Origin, Placed, Priority, Retry

_OFFER = Struct(">16s16s16sHHBBI")
_CLAIM = Struct(">16s16s16sHHBBQ")
_FINISH = Struct(">16sQBHHBIBI")
_LANE = Struct(">16s16sBHHQI")
_RENEWAL = Struct(">16sQ")
_DELAY_MS_MAX = 2**32 - 1
_PLACED = {
    ord("a"): Placed.ADDED,
    ord("k"): Placed.KNOWN,
    ord("r"): Placed.REPLACED,
    ord("w"): Placed.WINDOW,
    ord("l"): Placed.LATER,
}
_ORIGINS = tuple(Origin)
_PRIORITIES = tuple(Priority)
_FORGET = Retry(round=0, step=0, delay_ms=0)


def bounded(count: int) -> None:
    """Raises ValueError for more items than one call may carry."""
    if count > JOBS_PER_CALL_MAX:
        raise ValueError(f"at most {JOBS_PER_CALL_MAX} jobs a call")


def pack_offers(jobs: Sequence[Job]) -> bytes:
    """The argument of `enqueue`."""
    bounded(len(jobs))
    return b"".join(
        _OFFER.pack(
            job.partner_id.bytes,
            job.endpoint_id.bytes,
            job.delivery_id.bytes,
            job.round,
            job.step,
            job.origin,
            job.priority,
            _delay(job.delay_ms),
        )
        for job in jobs
    )


def unpack_placed(letters: bytes) -> list[Placed]:
    """The answer of `enqueue`."""
    return [_PLACED[letter] for letter in letters]


def unpack_claims(blob: bytes) -> list[Claim]:
    """The answer of `claim`."""
    return [_claim(fields) for fields in _CLAIM.iter_unpack(blob)]


def pack_finishes(finishes: Sequence[Finish]) -> bytes:
    """The argument of `finish`."""
    bounded(len(finishes))
    return b"".join(_finish(finish, finish.retry or _FORGET) for finish in finishes)


def pack_lanes(lanes: Sequence[Lane]) -> bytes:
    """The argument of `configure`."""
    bounded(len(lanes))
    return b"".join(_lane(lane) for lane in lanes)


def pack_renewals(claims: Sequence[Claim]) -> bytes:
    """The argument of `renew`."""
    bounded(len(claims))
    return b"".join(_RENEWAL.pack(claim.job.delivery_id.bytes, claim.fence) for claim in claims)


def unpack_held(letters: bytes) -> list[bool]:
    """The answer of `renew`."""
    return [letter == ord("h") for letter in letters]


def _claim(fields: tuple[Any, ...]) -> Claim:
    partner, endpoint, delivery, round_, step, origin, priority, fence = fields
    job = Job(
        partner_id=UUID(partner),
        endpoint_id=UUID(endpoint),
        delivery_id=UUID(delivery),
        round=round_,
        step=step,
        origin=_ORIGINS[origin],
        priority=_PRIORITIES[priority],
    )
    return Claim(job=job, fence=fence)


def _finish(finish: Finish, retry: Retry) -> bytes:
    return _FINISH.pack(
        finish.claim.job.delivery_id.bytes,
        finish.claim.fence,
        finish.retry is not None,
        retry.round,
        retry.step,
        retry.origin,
        _delay(retry.delay_ms),
        finish.verdict,
        _delay(finish.park_ms),
    )


def _lane(lane: Lane) -> bytes:
    rate = lane.rate_per_second
    # Rounded up: the rate that was asked for is never exceeded.
    interval_us = ceil(1_000_000 / rate) if rate > 0 else 0
    partner, endpoint = lane.partner_id.bytes, lane.endpoint_id.bytes
    return _LANE.pack(partner, endpoint, lane.mode, lane.cap, lane.weight, interval_us, max(lane.burst, 1))


def _delay(delay_ms: int) -> int:
    return min(max(delay_ms, 0), _DELAY_MS_MAX)
