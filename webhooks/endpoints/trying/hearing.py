"""Would an endpoint hear an event: tried out with wishes that are checked as creating an endpoint checks them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from webhooks.endpoints.checks.fields import check_fields
from webhooks.endpoints.checks.filters import check_filter
from webhooks.endpoints.checks.request import raise_wrong
from webhooks.endpoints.model import Hearing
from webhooks.endpoints.patterns import EVERYTHING
from webhooks.endpoints.requests import EndpointRules
from webhooks.filters.expression import compile_filter
from webhooks.filters.trying import SampleEvent, Trial, Wish, try_out

HEARS_ALL = Hearing(event_types=(EVERYTHING,))


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingRequest:
    """What is tried in place of what an endpoint has; None leaves that as it is."""

    filter: str | None = None
    event_types: Sequence[str] | None = None


class HearingTrials:
    """Tries wishes out. It reads nothing and keeps nothing."""

    def __init__(self, rules: EndpointRules) -> None:
        self._rules = rules

    async def run(
        self, hearing: Hearing, merchant_id: UUID | None, request: HearingRequest, event: SampleEvent
    ) -> Trial:
        """Every condition that keeps the event from an endpoint that hears this, with what the request changes.

        Raises Invalid for a filter or types that an endpoint could not have.
        """
        return await asyncio.to_thread(self._run, hearing, merchant_id, request, event)

    def _run(self, hearing: Hearing, merchant_id: UUID | None, request: HearingRequest, event: SampleEvent) -> Trial:
        errors = check_fields({"event_types": request.event_types}, self._rules)
        raise_wrong(errors + ([] if request.filter is None else check_filter(request.filter, self._rules)))
        text = hearing.filter if request.filter is None else request.filter
        wish = Wish(
            event_types=tuple(hearing.event_types if request.event_types is None else request.event_types),
            merchant_id=merchant_id,
            merchant_ids=frozenset(hearing.merchant_ids),
            filter=None if text is None else compile_filter(text),
        )
        return try_out(wish, event)
