"""An endpoint's own count of its deliveries, without gaps.

The counter's row stays locked from the update until the transaction ends. So a transaction that is rolled back gives
its numbers back before anyone else can take one, and a number is never visible before all lower ones are. For the same
reason numbers are taken last, right before the inserts of deliveries, and after the locks of ordered lines: whoever
locks both does it in this order.
"""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from kernel.sql import beside
from webhooks.events.model import Connection

_SQL = beside(__file__, "numbers.sql")

# Partner and endpoint.
CounterKey = tuple[UUID, UUID]


async def take_numbers(connection: Connection, wanted: Iterable[tuple[UUID, UUID, int]]) -> dict[CounterKey, range]:
    """The next numbers of each endpoint, given as (partner, endpoint, how many); the same endpoint may come repeatedly.

    The range of an endpoint has as many numbers as were asked for it in all. Call it as the last thing before the
    inserts, once in a transaction: counters are locked in the order of their keys.
    """
    counts: Counter[CounterKey] = Counter()
    for partner_id, endpoint_id, count in wanted:
        counts[partner_id, endpoint_id] += count
    if not counts:
        return {}
    partners, endpoints = zip(*counts, strict=True)
    rows = await connection.fetch(_SQL["take_numbers"], partners, endpoints, list(counts.values()))
    return {
        key: range(row["last_sequence"] - counts[key] + 1, row["last_sequence"] + 1)
        for row in rows
        if (key := (row["partner_id"], row["endpoint_id"]))
    }
