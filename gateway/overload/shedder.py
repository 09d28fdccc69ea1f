"""The first thing that a request meets: refused at once, or counted in until its answer is made."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.http.edge import RequestHandler, new_request_id
from gateway.http.replies import refuse
from gateway.overload.load import PLACE, Load
from gateway.overload.shedding import Priority
from gateway.problems.document import Problem, problem_of
from kernel import deadline
from kernel.errors import Unavailable

# Callers that are refused together should not come back together.
_RETRY_AFTER_SECONDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class OverloadMetrics:
    """What was refused, by priority; and gauges of what runs."""

    shed: Counter

    @classmethod
    def of(cls, registry: CollectorRegistry, load: Load) -> Self:
        """Registered there; once per registry."""
        _gauge(registry, "gateway_load", "Load of this process: from 0.5 reads are refused, at 1 all.", load.level)
        _gauge(registry, "gateway_requests_running", "Requests that are worked on.", lambda: load.running)
        _gauge(registry, "gateway_body_bytes", "Bytes of bodies that are held.", lambda: load.body_bytes)
        _gauge(registry, "gateway_loop_lag_seconds", "How late the event loop is.", lambda: load.lag_seconds)
        shed = Counter("gateway_shed", "Requests refused for overload, by priority.", ["priority"], registry=registry)
        for priority in Priority:  # counted from 0, so that an alarm has something to watch before the first
            shed.labels(priority.value)
        return cls(shed=shed)


class Shedder:
    """Stands before handlers. A request has `seconds_max` in all (kernel/deadline)."""

    def __init__(self, load: Load, metrics: OverloadMetrics, seconds_max: float) -> None:
        self._load = load
        self._metrics = metrics
        self._seconds_max = seconds_max
        self._refusals = [_overloaded(seconds) for seconds in _RETRY_AFTER_SECONDS]

    def wrap(self, priority: Priority, handler: RequestHandler) -> RequestHandler:
        """The handler of requests of this priority."""
        load = self._load

        async def shed(request: web.Request) -> web.StreamResponse:
            if load.refuses(priority):
                return self._refuse(priority)
            request[PLACE] = place = load.enter()
            try:
                deadline.shorten(self._seconds_max)
                response = await handler(request)
            finally:
                load.leave(place)
            if load.draining:
                response.force_close()
            return response

        return shed

    def _refuse(self, priority: Priority) -> web.StreamResponse:
        """Without a line in the log: those are what an overloaded process can spare. The load tells once a second."""
        self._metrics.shed.labels(priority.value).inc()
        problem = random.choice(self._refusals)  # noqa: S311 - spread, not secret
        return refuse(problem, new_request_id(), {})


def _overloaded(seconds: int) -> Problem:
    detail = "More requests come than can be served; nothing was done."
    return problem_of(Unavailable(detail, code="overloaded", retry_after_seconds=seconds))


def _gauge(registry: CollectorRegistry, name: str, sentence: str, value: Callable[[], float]) -> None:
    Gauge(name, sentence, registry=registry).set_function(value)
