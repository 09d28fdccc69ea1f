"""How receivers react."""

import pytest

from bench.receivers.behaviour import BEHAVIOURS, NEVER_TAKES_ALL, Act, Post

TRIES = 8


def status(behaviour: str, webhook_id: str, nth: int, *, total: int = 0) -> int:
    post = Post(webhook_id=webhook_id, nth=nth, total=total, now_seconds=0.0)
    return BEHAVIOURS[behaviour](post).status


@pytest.mark.parametrize("behaviour", sorted(set(BEHAVIOURS) - NEVER_TAKES_ALL))
def test_every_event_is_taken_in_the_end(behaviour: str) -> None:
    """Whatever an endpoint does at first, it answers 2xx within a few tries, so that a missing event is lost."""
    for number in range(200):
        assert any(200 <= status(behaviour, f"evt_{number}", nth) < 300 for nth in range(TRIES))


@pytest.mark.parametrize("behaviour", ["failing-first", "hanging", "resetting", "limited"])
def test_difficult_endpoints_are_difficult(behaviour: str) -> None:
    """Some events are refused at first, and which ones is always the same."""
    first = [status(behaviour, f"evt_{number}", 0) for number in range(200)]
    assert first == [status(behaviour, f"evt_{number}", 0) for number in range(200)]
    assert {code for code in first if not 200 <= code < 300}


def test_the_flapping_endpoint_is_down_half_of_the_time() -> None:
    """Five seconds up, five down."""
    post = [Post(webhook_id="evt", nth=0, total=0, now_seconds=float(second)) for second in range(20)]
    assert [BEHAVIOURS["flapping"](each).status for each in post].count(503) == 10


def test_a_limited_endpoint_says_when_to_come_again() -> None:
    """Each 429 carries a Retry-After of whole seconds."""
    reactions = [
        BEHAVIOURS["limited"](Post(webhook_id=f"evt_{number}", nth=0, total=0, now_seconds=0)) for number in range(50)
    ]
    waits = {reaction.retry_after for reaction in reactions if reaction.status == 429}
    assert waits == {2, 3}


def test_an_endpoint_that_is_gone_stays_gone() -> None:
    """410 after a while, to everything."""
    assert status("gone", "evt", 0, total=5) == 204
    assert status("gone", "evt", 0, total=500) == 410


def test_a_hanging_endpoint_answers_nothing() -> None:
    """The log says so: status 0."""
    reactions = [
        BEHAVIOURS["hanging"](Post(webhook_id=f"evt_{number}", nth=0, total=0, now_seconds=0)) for number in range(50)
    ]
    assert {reaction.status for reaction in reactions if reaction.act is Act.HANG} == {0}
