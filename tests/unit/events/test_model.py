"""Bodies: what receivers get."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from kernel.ids import Environment, Kind, Tenant, from_text
from webhooks.events.model import NewEvent, body_of, thin_body

_AT = datetime(2026, 1, 31, 10, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
_ID = UUID("01890000-0000-7000-8000-00000000000a")


def test_a_thin_body_names_the_event_and_tells_nothing() -> None:
    """Type and time are those of the full body; the data are the event's id, and the bytes are always the same."""
    thin = thin_body(_ID, Environment.TEST, "order.paid", _AT)
    event = NewEvent(
        tenant=Tenant(UUID(int=1), Environment.TEST),
        id=_ID,
        type="order.paid",
        merchant_id=None,
        occurred_at=_AT,
        data={"total": 5},
    )
    start = b'{"type":"order.paid","timestamp":"2026-01-31T09:30:00.123Z","data":'
    assert body_of(event) == start + b'{"total":5}}'
    identifier = thin.removeprefix(start + b'{"id":"').removesuffix(b'","object":"event"}}').decode()
    assert from_text(Kind.EVENT, identifier, Environment.TEST) == _ID
    assert thin == thin_body(_ID, Environment.TEST, "order.paid", _AT.astimezone(UTC))
