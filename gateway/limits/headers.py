"""The fields RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10), as structured fields.

RateLimit-Policy: "client";q=100;w=10, "events";q=50;w=5, "concurrency";q=20;qu="concurrent-requests"
RateLimit: "events";r=12;t=4
"""

import math
from collections.abc import Sequence

from gateway.limits.gcra import Level
from gateway.limits.policy import CONCURRENCY, Named

_MICROSECONDS = 1_000_000


def policy_field(buckets: Sequence[Named], concurrency: int = 0) -> str:
    """Every limit that applies: a bucket's quota and the seconds in which it fills, and how many may be in flight."""
    items = [f'"{named.name}";q={named.bucket.capacity};w={named.bucket.window_seconds}' for named in buckets]
    if concurrency:
        items.append(f'"{CONCURRENCY}";q={concurrency};qu="concurrent-requests"')
    return ", ".join(items)


def limit_field(buckets: Sequence[Named], levels: Sequence[Level]) -> str:
    """The bucket that bites first: what is left of it, and the seconds until it is full."""
    named, level = tightest(buckets, levels)
    return f'"{named.name}";r={max(level.remaining, 0)};t={-(-level.full_after_us // _MICROSECONDS)}'


def tightest(buckets: Sequence[Named], levels: Sequence[Level]) -> tuple[Named, Level]:
    """The bucket that refuses longest or, where none refuses, the one with the smallest part left."""
    return max(zip(buckets, levels, strict=True), key=_tightness)


def violated(buckets: Sequence[Named], levels: Sequence[Level]) -> tuple[str, ...]:
    """The names of the buckets that refuse."""
    return tuple(named.name for named, level in zip(buckets, levels, strict=True) if level.retry_after_us)


def retry_after_seconds(level: Level) -> int:
    """Whole seconds, rounded up: never early."""
    return max(1, math.ceil(level.retry_after_us / _MICROSECONDS))


def _tightness(pair: tuple[Named, Level]) -> tuple[float, float]:
    named, level = pair
    wait = math.inf if level.retry_after_us < 0 else level.retry_after_us
    return wait, -level.remaining / named.bucket.capacity
