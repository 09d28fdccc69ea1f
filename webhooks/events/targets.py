"""Which endpoints hear of an event: pure decisions about endpoints that are loaded already."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from webhooks.endpoints.patterns import TypeFilter
from webhooks.events.model import FilterAnswers, NewEvent
from webhooks.filters.expression import Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An enabled endpoint, as far as matching needs it.

    Without `merchant_id` it is the partner's own, for all merchants or for those of `merchant_ids`. `filter` None is no
    filter.
    """

    endpoint_id: UUID
    merchant_id: UUID | None
    ordered: bool
    types: TypeFilter
    merchant_ids: frozenset[UUID] = frozenset()
    filter: Filter | None = None

    def hears(self, event: NewEvent, answers: FilterAnswers) -> bool:
        """Whether it wants the event; its owner is known to match. The expression comes last: it costs the most."""
        return (
            self.endpoint_id != event.about_endpoint_id
            and (not self.merchant_ids or event.merchant_id in self.merchant_ids)
            and self.types.matches(event.type)
            and (self.filter is None or answers.passes(self.filter))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTargets:
    """All enabled endpoints of a tenant as of one version.

    `filters` are the compiled expressions by their sealed bytes, so that a later version need not open them again.
    `catalogue_version` is that of the tenant's types of events, read together with the endpoints' version.
    """

    version: int
    catalogue_version: int
    by_merchant: Mapping[UUID | None, tuple[Target, ...]]
    filters: Mapping[bytes, Filter] = field(default_factory=dict)

    def of(self, event: NewEvent, answers: FilterAnswers | None = None) -> list[Target]:
        """Those that hear of the event: the partner's own, and the merchant's.

        An operational event has no merchant, so it goes to the partner's own endpoints only, and never to the one that
        it tells about. A test event goes to its endpoint, whatever that one listens to.
        """
        if event.endpoint_id is not None:
            return [target for target in self._all() if target.endpoint_id == event.endpoint_id]
        answers = answers or FilterAnswers(event)
        return [target for target in self._of_owners(event) if target.hears(event, answers)]

    def _of_owners(self, event: NewEvent) -> Iterator[Target]:
        yield from self.by_merchant.get(None, ())
        if event.merchant_id is not None:
            yield from self.by_merchant.get(event.merchant_id, ())

    def _all(self) -> list[Target]:
        return [target for targets in self.by_merchant.values() for target in targets]


def by_owner(targets: Iterable[Target]) -> dict[UUID | None, tuple[Target, ...]]:
    """The endpoints of each merchant, and the partner's own under None."""
    found: dict[UUID | None, list[Target]] = {}
    for target in targets:
        found.setdefault(target.merchant_id, []).append(target)
    return {owner: tuple(each) for owner, each in found.items()}


# Also of an environment that does not exist.
NOBODY = TenantTargets(version=-1, catalogue_version=-1, by_merchant={})
