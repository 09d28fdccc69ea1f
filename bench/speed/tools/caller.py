"""A load generator: keep-alive connections that send events as fast as they are answered, or at a fixed rate.

`python -m bench.speed.tools.caller` reads an order (JSON, see `Order`) from standard input and prints what it found.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.speed.tools.order import Order
from bench.speed.tools.wire import Line, request_head, thinned, whole

_TURN_SECONDS = 0.002
_LAST_ANSWERS_SECONDS = 10.0


class Caller:
    """One run of the generator."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._numbers = itertools.count(time.time_ns())
        self._items = itertools.cycle(item.encode() for item in order.items)
        self._path = urlsplit(order.url).path
        self._heads = itertools.cycle(_heads(self._path, order))
        self._idle: list[Line] = []
        self._busy = 0
        self._overdue: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._until = 0.0

    async def run(self) -> dict[str, object]:
        """Send for the order's time; what was found."""
        await self._connect()
        started, cpu = time.perf_counter(), time.process_time()
        self._until = started + self._order.seconds
        if self._order.rate:
            await self._at_a_rate(started)
        else:
            for line in list(self._idle):
                self._next(line)
            await asyncio.sleep(self._order.seconds)
        seconds, answered = time.perf_counter() - started, sum(self._statuses.values())
        await self._last_answers()
        return {
            "requests": answered,
            "statuses": {str(status): count for status, count in self._statuses.items()},
            "seconds": seconds,
            "cpu_seconds": time.process_time() - cpu,
            "latencies_ms": [round(latency * 1000, 2) for latency in thinned(self._latencies)],
        }

    async def _connect(self) -> None:
        parts = urlsplit(self._order.url)
        loop = asyncio.get_running_loop()
        for _ in range(self._order.connections):
            _, line = await loop.create_connection(lambda: Line(self._answered), str(parts.hostname), parts.port or 80)
            line.head = next(self._heads)
            self._idle.append(line)

    async def _at_a_rate(self, started: float) -> None:
        """Open loop: what finds no free connection waits, and its waiting counts as time to answer."""
        sent, each = 0, max(self._order.batch, 1)
        while (now := time.perf_counter()) < self._until:
            due = int((now - started) * self._order.rate / each)
            for number in range(sent, due):
                self._overdue.append(started + number * each / self._order.rate)
            sent = due
            while self._overdue and self._idle:
                self._send(self._idle.pop(), self._overdue.pop(0))
            await asyncio.sleep(_TURN_SECONDS)

    async def _last_answers(self) -> None:
        deadline = time.perf_counter() + _LAST_ANSWERS_SECONDS
        while self._busy and time.perf_counter() < deadline:  # noqa: ASYNC110 - an event would cost each answer
            await asyncio.sleep(_TURN_SECONDS)

    def _answered(self, line: Line, status: int) -> None:
        now = time.perf_counter()
        self._busy -= 1
        self._statuses[status] += 1
        self._latencies.append(now - line.sent_at)
        if status == 0:
            return
        if self._order.rate or now >= self._until:
            self._idle.append(line)
        else:
            self._next(line)

    def _next(self, line: Line) -> None:
        self._send(line, time.perf_counter())

    def _send(self, line: Line, at: float) -> None:
        self._busy += 1
        line.send(self._request(line), at)

    def _request(self, line: Line) -> bytes:
        count = self._order.batch
        body = self._item() if not count else b'{"data":[%b]}' % b",".join(self._item() for _ in range(count))
        head = line.head.replace(b"@@", b"%d" % next(self._numbers)) if self._order.once else line.head
        return whole(head, body)

    def _item(self) -> bytes:
        item = next(self._items).replace(b"@@", b"%d" % next(self._numbers))
        return item.replace(b"##", b"%d" % time.monotonic_ns()) if b"##" in item else item


def _heads(path: str, order: Order) -> list[bytes]:
    """One for each token, made once; in place of the value of the header `once` stands a mark."""
    headers = {**order.headers, order.once: "@@"} if order.once else order.headers
    bearers = [{"authorization": f"Bearer {token}"} for token in order.tokens] or [{}]
    return [request_head("POST", path, {**headers, **bearer}) for bearer in bearers]


def main() -> None:
    """Read, run, print."""
    order = Order.model_validate_json(sys.stdin.buffer.read())
    found = uvloop.run(Caller(order).run())
    sys.stdout.buffer.write(orjson.dumps(found) + b"\n")


if __name__ == "__main__":
    main()
