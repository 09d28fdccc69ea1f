"""Limits as rows of the database: one row per limit of a tier, a partner or a client."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import asyncpg

from gateway.limits.gcra import Bucket
from gateway.limits.policy import BUCKET_NAMES, CONCURRENCY, Own, Tier

# name, capacity, rate_per_second: the columns of a limit.
LimitRow = tuple[str, int, float | None]


def rows_of(limits: Tier | Own) -> list[LimitRow]:
    """The rows that say these limits."""
    rows: list[LimitRow] = [
        (name, bucket.capacity, bucket.rate_per_second) for name, bucket in sorted(limits.buckets.items())
    ]
    if limits.concurrency is not None:
        rows.append((CONCURRENCY, limits.concurrency, None))
    return rows


def own_of(rows: Iterable[LimitRow]) -> Own:
    """The limits that these rows say. Names that this version does not know say nothing to it."""
    buckets: dict[str, Bucket] = {}
    concurrency = None
    for name, capacity, rate in rows:
        if name == CONCURRENCY:
            concurrency = capacity
        elif name in BUCKET_NAMES and rate is not None:
            buckets[name] = Bucket(capacity=capacity, rate_per_second=rate)
    return Own(buckets=buckets, concurrency=concurrency)


def by_owner(rows: Iterable[asyncpg.Record], column: str) -> dict[Any, Own]:
    """The limits of each owner, whose name or id stands in this column."""
    found: defaultdict[Any, list[LimitRow]] = defaultdict(list)
    for row in rows:
        found[row[column]].append((row["name"], row["capacity"], row["rate_per_second"]))
    return {owner: own_of(limits) for owner, limits in found.items()}
