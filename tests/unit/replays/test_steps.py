"""Where a replay stands after a chunk."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.ids import NIL, Environment, Tenant
from tests.support.clock import NOON
from webhooks.replays.covering import Page
from webhooks.replays.model import Coverage, Phase, Replay
from webhooks.replays.requests import coverage_of_one
from webhooks.replays.runner import Step, step_after
from webhooks.states import REPLAY_MOVES, ReplayState

COVERAGE: Coverage = coverage_of_one(Tenant(NIL, Environment.TEST), NIL, NOON - timedelta(hours=1))
REPLAY = Replay(
    id=NIL,
    coverage=COVERAGE,
    delivery_id=None,
    state=ReplayState.RUNNING,
    rate_per_second=10,
    total=100,
    queued=30,
    made=20,
    skipped=0,
    phase=Phase.EXISTING,
    after_id=None,
    requested_by="cli_example",
    created_at=NOON,
    ended_at=None,
)


def page(*, is_last: bool) -> Page:
    return Page(rows=(), skipped=0, after_id=NIL, is_last=is_last)


@pytest.mark.parametrize("phase", Phase)
def test_a_page_that_is_not_the_last_moves_the_place(phase: Phase) -> None:
    """The replay runs on, in its phase, after the last row that was looked at."""
    expected = Step(after_id=NIL, phase=phase, state=ReplayState.RUNNING)
    assert step_after(replace(REPLAY, phase=phase), page(is_last=False)) == expected


def test_the_last_page_ends_the_phase() -> None:
    """With unmatched events wanted, a second walk begins at the start; else the replay is completed."""
    assert step_after(REPLAY, page(is_last=True)).state is ReplayState.COMPLETED
    wide = replace(REPLAY, coverage=replace(COVERAGE, include_unmatched=True))
    expected = Step(after_id=None, phase=Phase.UNMATCHED, state=ReplayState.RUNNING)
    assert step_after(wide, page(is_last=True)) == expected
    assert step_after(replace(wide, phase=Phase.UNMATCHED), page(is_last=True)).state is ReplayState.COMPLETED


def test_every_end_of_a_chunk_is_an_allowed_move() -> None:
    """What a chunk makes of a running replay stands in the table of moves."""
    assert (ReplayState.RUNNING, ReplayState.COMPLETED) in REPLAY_MOVES


def test_the_time_left_is_told_while_it_runs() -> None:
    """What is left divided by the rate; nothing once it does not run, and never less than nothing."""
    assert REPLAY.seconds_left == 5
    assert replace(REPLAY, queued=200).seconds_left == 0
    assert replace(REPLAY, state=ReplayState.PAUSED).seconds_left is None
