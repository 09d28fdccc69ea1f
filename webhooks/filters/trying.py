"""Would an endpoint hear this event, and if not, why not: for trying out a filter before it is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from webhooks.endpoints.patterns import TypeFilter
from webhooks.filters.expression import Filter, Outcome, measure


class Condition(StrEnum):
    """What an event must fulfil, in the order in which it is looked at."""

    MERCHANT = "merchant"
    EVENT_TYPES = "event_types"
    FILTER = "filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an endpoint wants to hear; its owner's merchant, or without one those of `merchant_ids`, or all."""

    event_types: tuple[str, ...]
    merchant_id: UUID | None = None
    merchant_ids: frozenset[UUID] = frozenset()
    filter: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """An event to try; its body is {"type", "timestamp", "data"}."""

    merchant_id: UUID | None
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The body's type."""
        return str(self.body["type"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`failed` are all conditions that keep the event away; `filter_us` is what one evaluation took.

    `outcome` is what the filter comes to on the event; None without a filter.
    """

    failed: tuple[Condition, ...]
    outcome: Outcome | None
    filter_us: float

    @property
    def matches(self) -> bool:
        """Whether the endpoint would hear it."""
        return not self.failed


def try_out(wish: Wish, event: SampleEvent) -> Trial:
    """Look at every condition, also after one has failed."""
    outcome = None if wish.filter is None else wish.filter.outcome(event.body)
    holds = {
        Condition.MERCHANT: _hears_of(wish, event.merchant_id),
        Condition.EVENT_TYPES: TypeFilter.of(wish.event_types).matches(event.type),
        Condition.FILTER: outcome in {None, Outcome.TRUE},
    }
    return Trial(
        failed=tuple(condition for condition, is_met in holds.items() if not is_met),
        outcome=outcome,
        filter_us=0.0 if wish.filter is None else measure(wish.filter, event.body),
    )


def _hears_of(wish: Wish, merchant_id: UUID | None) -> bool:
    if wish.merchant_id is not None and wish.merchant_id != merchant_id:
        return False
    return not wish.merchant_ids or merchant_id in wish.merchant_ids
