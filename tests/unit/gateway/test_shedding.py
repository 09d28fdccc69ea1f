import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.route import Route
from gateway.overload.load import Load
from gateway.overload.shedding import Bounds, Priority, is_refused, load_of, priority_of
from gateway.routes import PUBLIC_ROUTES

ORDER = (Priority.READS, Priority.EVENTS, Priority.MONEY, Priority.ALWAYS)
BOUNDS = Bounds(running_max=10, body_bytes_max=1_000, lag_seconds_max=1.0)


@given(load=st.floats(min_value=0, max_value=1e9))
def test_reads_go_first_and_money_last(load: float) -> None:
    """Whatever the load, who is refused is a beginning of the order; what is never refused is not in it."""
    refused = [is_refused(priority, load) for priority in ORDER]
    assert refused == sorted(refused, reverse=True)
    assert not refused[-1]


@pytest.mark.parametrize(
    ("load", "refused"),
    [(0.0, ()), (0.49, ()), (0.5, ("reads",)), (0.8, ("reads", "events")), (1.0, ("reads", "events", "money"))],
)
def test_each_has_its_own_bound(load: float, refused: Sequence[str]) -> None:
    """Half of the load is kept for what is worth more than reads, a fifth for money alone."""
    assert tuple(priority.value for priority in ORDER if is_refused(priority, load)) == refused


def test_the_scarcest_decides() -> None:
    """Requests, bytes of bodies and the lateness of the loop each fill a process by themselves."""
    assert load_of(BOUNDS, 5, 0, 0) == 0.5
    assert load_of(BOUNDS, 1, 800, 0.1) == 0.8
    assert load_of(BOUNDS, 1, 1, 2.0) == 2.0


def _of(priority: Priority) -> set[str]:
    def name(route: Route[Any]) -> str:
        return f"{route.method} {route.path}"

    return {name(route) for route in PUBLIC_ROUTES if priority_of(route) is priority}


def test_what_is_never_refused_and_what_last() -> None:
    """Banks' notifications and health always; payments, their cancellation and tokens last; every list is a read."""
    assert {"POST /banks/{bank_id}/notifications", "GET /livez", "GET /readyz"} <= _of(Priority.ALWAYS)
    assert {"POST /v1/payments", "POST /v1/payments/{payment_id}/cancel", "POST /oauth/token"} <= _of(Priority.MONEY)
    assert not any(name.startswith("GET /v1/payments") for name in _of(Priority.MONEY))
    assert "POST /v1/events" in _of(Priority.EVENTS)
    assert "GET /v1/payments" in _of(Priority.READS)
    assert not any(name.startswith("POST /v1/payments") for name in _of(Priority.READS) | _of(Priority.EVENTS))


def test_who_waits_for_others_takes_no_place() -> None:
    """A request that waits for a bank, or for its caller's bytes, is no load; its bytes are until it ended."""
    waiting = 0
    load = Load(BOUNDS, lambda: waiting)
    places = [load.enter() for _ in range(5)]
    assert load.refuses(Priority.READS)
    waiting = 1
    assert not load.refuses(Priority.READS)
    waiting = 0
    with places[0].parked():
        assert load.level() == 0.4
    places[0].take(900)
    assert load.level() == 0.9
    for place in places:
        load.leave(place)
    assert load.level() == 0


async def test_one_pause_of_the_loop_refuses_nobody() -> None:
    """A late sample alone is a pause; two in a row are a busy process; and it recovers by itself."""
    load, late = Load(BOUNDS), iter((5.0, 0.0, 5.0, 5.0, 0.0))
    levels = []
    for seconds in late:
        load._lags = (load._lags[1], seconds)
        levels.append(load.level())
    assert levels == [0.0, 0.0, 0.0, 5.0, 0.0]


async def test_idle_waits_for_the_last_request() -> None:
    """And no longer than it is told."""
    load = Load(BOUNDS)
    place = load.enter()
    waiting = asyncio.create_task(load.idle(5))
    await asyncio.sleep(0)
    assert not waiting.done()
    load.leave(place)
    await waiting
    load.enter()
    await load.idle(0)
