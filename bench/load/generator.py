"""The open loop: requests start when their time has come, whatever became of the earlier ones."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.lines import Lines
from bench.load.api import Api, Reply
from bench.load.plan import Item, Request
from bench.target import Call, Payments, Target, fill, pick

# Answers that do not say what became of the request: it is made again with its key.
_AGAIN = frozenset({0, 401, 408, 409, 425, 429, 500, 502, 503, 504})
_WAIT_SECONDS = (0.1, 0.3, 1.0, 2.0)
_FILLER = "x" * 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`in_flight_max` bounds memory while the system is away; what comes on top is counted, not made."""

    in_flight_max: int = 400
    finish_seconds: float = 60.0


class Generator:
    """Makes the requests of a plan. Every request and every answer is one line of the log."""

    def __init__(self, target: Target, api: Api, log: Lines, bounds: Bounds | None = None) -> None:
        self._target = target
        self._api = api
        self._log = log
        self._bounds = bounds or Bounds()
        self._chains: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self.made = 0
        self.answered = 0
        self.skipped = 0

    async def run(self, requests: Iterable[Request], stop: asyncio.Event) -> None:
        """Until the plan ends or `stop` is set; then repeats what is unanswered for `finish_seconds` more."""
        started = time.monotonic()
        for request in requests:
            if stop.is_set():
                break
            await asyncio.sleep(max(0.0, started + request.at_seconds - time.monotonic()))
            self._start(request)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._bounds.finish_seconds)
        for task in list(self._tasks):
            task.cancel()
        self._log.write(what="ended", made=self.made, answered=self.answered, skipped=self.skipped)

    def _start(self, request: Request) -> None:
        if len(self._tasks) >= self._bounds.in_flight_max:
            self.skipped += 1
            return
        self.made += 1
        task = asyncio.create_task(self._in_order(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_order(self, request: Request) -> None:
        """One chain's events are published one after the other: only so does anyone know their order."""
        chain = request.items[0].chain
        if not chain:
            await self._until_answered(request)
            return
        async with self._chains[chain]:
            await self._until_answered(request)

    async def _until_answered(self, request: Request) -> None:
        items: Sequence[Item] = request.items
        tries = 0
        while items:
            self._log.write(what="request", kind=request.kind, attempt=tries, items=[_record(item) for item in items])
            reply = await self._send(request.kind, items)
            items = self._note(request.kind, items, reply)
            if items:
                wait = _WAIT_SECONDS[min(tries, len(_WAIT_SECONDS) - 1)] * random.uniform(0.5, 1.5)
                await asyncio.sleep(max(wait, reply.retry_after))
            tries += 1
        self.answered += 1

    async def _send(self, kind: str, items: Sequence[Item]) -> Reply:
        if kind == "payment":
            return await self._api.call(_payments(self._target).pay, _values(items[0]))
        if kind == "batch" and self._target.batch is not None:
            bodies = [fill(self._target.publish.body, _values(item)) for item in items]
            return await self._api.call(self._target.batch, {}, {self._target.batch.items: bodies})
        return await self._api.call(self._target.publish, _values(items[0]))

    def _note(self, kind: str, items: Sequence[Item], reply: Reply) -> list[Item]:
        """Log the answer; returns the items that it left open."""
        call = self._call_of(kind)
        if kind == "batch" and self._target.batch is not None and reply.status not in _AGAIN:
            answers = pick(reply.body, self._target.batch.answers) or []
            statuses = [int(pick(answer, self._target.batch.item_status) or reply.status) for answer in answers]
        else:
            answers, statuses = [reply.body] * len(items), [reply.status] * len(items)
        if len(answers) != len(items):
            answers, statuses = [reply.body] * len(items), [0] * len(items)
        outcomes = [
            {"key": item.key, "status": status, "id": pick(answer, call.keep["id"]) if status < 300 else None}
            for item, answer, status in zip(items, answers, statuses, strict=True)
        ]
        self._log.write(what="answer", kind=kind, status=reply.status, error=reply.error, items=outcomes)
        return [item for item, status in zip(items, statuses, strict=True) if status in _AGAIN]

    def _call_of(self, kind: str) -> Call:
        if kind == "payment":
            return _payments(self._target).pay
        return self._target.batch if kind == "batch" and self._target.batch is not None else self._target.publish


def _payments(target: Target) -> Payments:
    if target.payments is None:
        raise LookupError("the target file has no [payments]")
    return target.payments


def _values(item: Item) -> dict[str, Any]:
    return {
        "key": item.key,
        "merchant": item.lane.merchant,
        "type": item.type,
        "chain": item.chain or None,
        "amount": item.amount,
        "filler": _FILLER,
    }


def _record(item: Item) -> dict[str, Any]:
    return {"key": item.key, "lane": item.lane.name, "chain": item.chain, "amount": item.amount}
