"""What is published and what breaks: pure functions of the seed."""

from collections import Counter
from itertools import pairwise

from bench.faults.deck import FULL_RUN, deal, weather_seconds
from bench.load.plan import Pace, plan
from bench.load.scene import LANES

PACE = Pace(seed=3, seconds=30, events_per_second=40, payments_per_second=4)


def test_the_same_seed_gives_the_same_load() -> None:
    """A failed run can be repeated."""
    assert list(plan(PACE, LANES, [(1, 1)])) == list(plan(PACE, LANES, [(1, 1)]))


def test_keys_are_never_used_twice() -> None:
    """Each event and payment has a key of its own, so that two ids for one key are the system's fault."""
    keys = Counter(item.key for request in plan(PACE, LANES, [(1, 1)]) for item in request.items)
    assert set(keys.values()) == {1}


def test_without_amounts_there_are_no_payments() -> None:
    """A target that cannot pay gets events only, at their own rate."""
    kinds = Counter(request.kind for request in plan(PACE, LANES, []))
    assert kinds["payment"] == 0
    assert 900 < sum(kinds.values()) < 1500


def test_only_ordered_lanes_have_chains() -> None:
    """Order is promised by ordered endpoints only."""
    items = [item for request in plan(PACE, LANES, []) for item in request.items]
    assert any(item.chain for item in items)
    assert all(item.lane.ordered for item in items if item.chain)


def test_the_same_seed_gives_the_same_faults() -> None:
    """A failed run breaks in the same way again; another seed breaks otherwise."""
    assert deal(1, 480, ["a"]) == deal(1, 480, ["a"])
    assert deal(1, 480, ["a"]) != deal(2, 480, ["a"])


def test_three_full_runs_strike_three_hundred_times() -> None:
    """Every kind strikes, each role is killed at least 20 times, and all strikes lie within the run."""
    cards = [card for seed in (1, 2, 3) for card in deal(seed, 468, ["a", "b"])]
    counts = Counter(card.name for card in cards)
    assert len(cards) >= 300
    assert set(FULL_RUN) <= set(counts)
    assert min(counts[f"kill {role}"] for role in ("gateway", "dispatcher", "worker")) >= 20
    assert all(0 < card.at_seconds < 468 for card in cards)


def test_each_kind_strikes_alone_once_in_three_full_runs() -> None:
    """Before and after such a fault is quiet, so its own time to recover can be told."""
    alone: list[str] = []
    for seed in (1, 2, 3):
        cards = deal(seed, 468, ["a", "b"])
        gaps = pairwise(cards)
        alone += [card.name for card, following in gaps if following.at_seconds - card.at_seconds > 25]
    assert sorted(alone) == sorted([*FULL_RUN, "bank: a", "bank: b"])


def test_bad_weather_lasts_between_five_seconds_and_a_minute() -> None:
    """The length is a function of the card's luck."""
    lengths = [weather_seconds(luck / 100) for luck in range(100)]
    assert min(lengths) == 5
    assert 45 < max(lengths) <= 60
