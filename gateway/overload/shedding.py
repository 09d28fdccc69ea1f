"""What is refused at which load. Pure.

    load    0 ────────── 0.5 ────── 0.8 ──── 1 ────────▶
            all are served │          │        │
                 reads are refused    │        │
                 events and set-up are refused │
                            what moves money is refused

Banks' notifications, health and documents are never refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.http.route import Route
from gateway.limits.policy import LimitClass
from gateway.oauth.scopes import Scope


class Priority(StrEnum):
    """What a route is to the shedding, first refused first."""

    READS = "reads"
    EVENTS = "events"  # Publishing, and the set-up of endpoints: both are repeated without harm.
    MONEY = "money"  # Payments, their cancellation, and the tokens that they need.
    ALWAYS = "always"  # Banks' notifications, health, documents.


# From this load on a priority is refused.
REFUSED_FROM: Mapping[Priority, float] = {
    Priority.READS: 0.5,
    Priority.EVENTS: 0.8,
    Priority.MONEY: 1.0,
    Priority.ALWAYS: math.inf,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one process works on at most: requests at once, bytes of their bodies; and how late its loop may be."""

    running_max: int = 1_000
    body_bytes_max: int = 64 * 1024 * 1024
    lag_seconds_max: float = 2.0


def load_of(bounds: Bounds, running: int, body_bytes: int, lag_seconds: float) -> float:
    """The load from 0: the scarcest of the three decides."""
    return max(running / bounds.running_max, body_bytes / bounds.body_bytes_max, lag_seconds / bounds.lag_seconds_max)


def is_refused(priority: Priority, load: float) -> bool:
    """Whether a request of this priority is refused at this load."""
    return load >= REFUSED_FROM[priority]


def priority_of(route: Route[Any]) -> Priority:
    """The priority of a route, from its other columns."""
    if route.limit in {LimitClass.UNLIMITED, LimitClass.ADMIN}:
        return Priority.ALWAYS
    if route.limit in {LimitClass.MONEY, LimitClass.TOKEN} or route.scope is Scope.PAYMENTS_WRITE:
        return Priority.MONEY
    return Priority.READS if route.limit is LimitClass.READS else Priority.EVENTS
