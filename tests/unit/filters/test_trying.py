"""Trying out what an endpoint would hear."""

from uuid import UUID

import pytest

from webhooks.filters.expression import compile_filter
from webhooks.filters.trying import Condition, SampleEvent, Wish, try_out

_ONE, _OTHER = UUID(int=1), UUID(int=2)
_EVENT = SampleEvent(merchant_id=_ONE, body={"type": "order.paid", "timestamp": "", "data": {"total": 5}})


@pytest.mark.parametrize(
    ("wish", "failed"),
    [
        (Wish(event_types=("*",)), ()),
        (Wish(event_types=("order.*",), merchant_id=_ONE, filter=compile_filter("data.total == `5`")), ()),
        (Wish(event_types=("*",), merchant_ids=frozenset((_ONE, _OTHER))), ()),
        (Wish(event_types=("*",), merchant_ids=frozenset((_OTHER,))), (Condition.MERCHANT,)),
        (Wish(event_types=("invoice.*",)), (Condition.EVENT_TYPES,)),
        (Wish(event_types=("*",), filter=compile_filter("data.total > `5`")), (Condition.FILTER,)),
        (
            Wish(event_types=("a",), merchant_id=_OTHER, filter=compile_filter("data.gone")),
            (Condition.MERCHANT, Condition.EVENT_TYPES, Condition.FILTER),
        ),
    ],
)
def test_every_condition_that_keeps_an_event_away_is_named(wish: Wish, failed: tuple[Condition, ...]) -> None:
    """A trial names all conditions that are not met, and matches only without any."""
    trial = try_out(wish, _EVENT)
    assert trial.failed == failed
    assert trial.matches is (not failed)
    assert (trial.outcome is None) is (wish.filter is None)
    assert (trial.filter_us > 0) is (wish.filter is not None)
