"""What an endpoint is after a change: every state, every wish, by pure decisions."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.ids import Environment, Tenant
from webhooks.endpoints.changing import is_fresh_start, parted_headers, patched
from webhooks.endpoints.model import Endpoint, EndpointSettings, Hearing, Pace, Rate, Standing
from webhooks.endpoints.telling import lane_of
from webhooks.queue.port import LaneMode
from webhooks.states import ENDPOINT_MOVES, EndpointState, SignatureScheme

NOW = datetime(2026, 5, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)
URL, OTHER = "https://a.example/hook", "https://b.example/hook"
ENABLED, DISABLED, UNPROVEN = EndpointState.ENABLED, EndpointState.DISABLED, EndpointState.UNPROVEN


def endpoint(standing: Standing, settings: EndpointSettings | None = None) -> Endpoint:
    return Endpoint(
        tenant=Tenant(UUID(int=1), Environment.LIVE),
        id=UUID(int=2),
        merchant_id=None,
        settings=settings or EndpointSettings(url=URL),
        hearing=Hearing(event_types=("*",)),
        pace=Pace(),
        standing=standing,
        signatures=(SignatureScheme.V1,),
        client_certificate=None,
        version=1,
        created_at=BEFORE,
        updated_at=BEFORE,
    )


standings = st.one_of(
    st.just(Standing(state=ENABLED)),
    st.just(Standing(state=ENABLED, is_challenged=True, proven_at=BEFORE)),
    st.just(Standing(state=UNPROVEN, is_challenged=True)),
    st.just(Standing(state=DISABLED, state_reason="health", disabled_at=BEFORE)),
    st.just(Standing(state=DISABLED, state_reason="owner", disabled_at=BEFORE, is_challenged=True)),
    st.just(Standing(state=DISABLED, state_reason="owner", disabled_at=BEFORE, is_challenged=True, proven_at=BEFORE)),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "url": st.sampled_from([URL, OTHER]),
        "state": st.sampled_from([ENABLED, DISABLED]),
        "is_challenged": st.booleans(),
        "weight": st.just(3),
    },
)


@given(standing=standings, change=changes)
def test_every_change_is_an_allowed_move(standing: Standing, change: dict[str, object]) -> None:
    """States move only as the table says, reasons and times go with them, and an unproven URL is never enabled."""
    before = endpoint(standing)
    after = patched(before, change, NOW)
    if before.state is not after.state:
        assert (before.state, after.state) in ENDPOINT_MOVES
    told = after.standing
    assert (told.state_reason is None, told.disabled_at is None) == (told.state is not DISABLED,) * 2
    if told.state is ENABLED:
        assert not told.is_challenged or told.proven_at is not None
    if after.settings.url != URL or not told.is_challenged:
        assert told.proven_at is None
    if "state" in change:
        assert (told.state is DISABLED) == (change["state"] is DISABLED)
    assert after.pace.weight == change.get("weight", 1)


@pytest.mark.parametrize(("url", "state"), list(product([URL, OTHER], [ENABLED, DISABLED, UNPROVEN])))
def test_a_fresh_start_forgets_failures(url: str, state: EndpointState) -> None:
    """Another URL, or enabled again; nothing else."""
    before = endpoint(Standing(state=DISABLED))
    after = endpoint(Standing(state=state), EndpointSettings(url=url))
    assert is_fresh_start(before, after) == (url == OTHER or state is not DISABLED)
    assert is_fresh_start(endpoint(Standing(state=ENABLED)), after) == (url == OTHER)


def test_secret_headers_change_one_by_one() -> None:
    """A text sets, None removes, what is not named stays; names are the same in any case."""
    settings = EndpointSettings(url=URL, headers={"A": "1", "B": "2", "C": "3"}, secret_headers=("B", "C"))
    assert parted_headers(settings, {}) == ({"A": "1"}, {"B": "2", "C": "3"})
    assert parted_headers(settings, {"headers": {"D": "4"}}) == ({"D": "4"}, {"B": "2", "C": "3"})
    changed = parted_headers(settings, {"secret_headers": {"b": "5", "C": None, "E": "6", "F": None}})
    assert changed == ({"A": "1"}, {"b": "5", "E": "6"})


def test_lanes_follow_their_endpoints() -> None:
    """Paused before held before open; an unproven one gives out nothing, a disabled one what is left."""
    modes = {
        Standing(state=ENABLED): LaneMode.OPEN,
        Standing(state=ENABLED, held_at=NOW): LaneMode.HELD,
        Standing(state=ENABLED, held_at=NOW, paused_at=NOW): LaneMode.PAUSED,
        Standing(state=UNPROVEN): LaneMode.PAUSED,
        Standing(state=DISABLED): LaneMode.OPEN,
    }
    for standing, mode in modes.items():
        assert lane_of(endpoint(standing)).mode is mode
    changed = patched(
        endpoint(Standing(state=ENABLED)),
        {"concurrency": 3, "weight": 4, "rate": Rate(per_second=0.5, burst=6)},
        NOW,
    )
    lane = lane_of(changed)
    assert (lane.cap, lane.weight, lane.rate_per_second, lane.burst) == (3, 4, 0.5, 6)
