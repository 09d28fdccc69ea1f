"""The queue as admins see it, on the wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.pages import PageQuery
from gateway.schemas.types import Id, Response, Time
from gateway.schemas.webhooks.completeness import Reasons
from gateway.schemas.webhooks.events import TypePatterns


class DueOut(Response):
    """Due deliveries that wait for one reason. Those of `queue` should be on their way."""

    why: str
    explanation: str
    deliveries: int
    oldest_due_at: datetime | None


class DueLaneOut(Response):
    """An endpoint with due deliveries; of one endpoint no more than a thousand are counted."""

    partner_id: str
    endpoint_id: str
    why: str
    due_deliveries: int
    oldest_due_at: datetime
    held_at: datetime | None
    next_probe_at: datetime | None
    failing_since: datetime | None


class QueueOut(Response):
    """The whole queue; `worst` are the lanes that wait longest, `epoch` grows with every rebuild in Redis."""

    object: Literal["queue"]
    due: list[DueOut]
    lanes_with_due: int
    endpoints_held: int
    endpoints_releasing: int
    endpoints_failing: int
    epoch: int
    is_complete: bool
    worst: list[DueLaneOut]


class PartnerUndeliveredFilter(PageQuery):
    """Of which partner and environment, and which; `reason` and `types` may be several with commas between."""

    partner_id: Id
    environment: Literal["test", "live"]
    endpoint_id: Id | None = None
    merchant_id: Id | None = None
    types: TypePatterns = ()
    reason: Reasons = frozenset()
    since: Time | None = None
    until: Time | None = None
