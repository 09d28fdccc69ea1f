"""Asks API and bank how everything ended."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.load.api import Api
from bench.target import Payments, Target, pick

_AT_ONCE = 8


async def collect(api: Api, target: Target, payments: Mapping[str, str]) -> dict[str, Any]:
    """The fields of bench.checker.history.Final but for two. `payments`: key → id. Raises NotAnswered."""
    statuses: dict[str, str] = {}
    if target.payments is not None:
        gate = asyncio.Semaphore(_AT_ONCE)
        asked = [_ask(api, target.payments, gate, id_) for id_ in payments.values()]
        statuses = dict(zip(payments, await asyncio.gather(*asked), strict=True))
    return {
        "payments": statuses,
        "books": await _books(api, target),
        "feed": [item async for item in api.pages(target.feed, {})],
        "deliveries": [item async for item in api.pages(target.deliveries, {})],
    }


async def _ask(api: Api, payments: Payments, gate: asyncio.Semaphore, id_: str) -> str:
    async with gate:
        return str((await api.must(payments.ask, {"id": id_}))["status"])


async def _books(api: Api, target: Target) -> Mapping[str, int]:
    if target.books is None:
        return {}
    entries = pick((await api.must(target.books.read, {}))[""], target.books.items) or []
    moved: Counter[str] = Counter()
    for entry in entries:
        moved[str(pick(entry, target.books.reference))] += bool(pick(entry, target.books.moved))
    return moved
