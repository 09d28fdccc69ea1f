"""A test event says in its body that it is one, and nothing else can say so."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from kernel.ids import NIL, Environment, Tenant
from webhooks.events.model import NewEvent, body_of, is_test_body, thin_body

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)


def body(data: dict[str, Any], endpoint_id: UUID | None = None) -> bytes:
    tenant = Tenant(NIL, Environment.LIVE)
    event = NewEvent(
        tenant=tenant, id=NIL, type="a.b", merchant_id=None, occurred_at=AT, data=data, endpoint_id=endpoint_id
    )
    return body_of(event)


@pytest.mark.parametrize("data", [{}, {"test": True}, {"a": 1, "test": True}, {"a": {"b": 1, "test": True}}])
def test_only_what_goes_to_one_endpoint_is_a_test(data: dict[str, Any]) -> None:
    """Whatever a partner's data say."""
    assert not is_test_body(body(data))
    assert is_test_body(body(data, NIL))
    assert orjson.loads(body(data, NIL))["test"] is True


@pytest.mark.parametrize("is_test", [True, False])
def test_a_thin_body_says_it_too(is_test: bool) -> None:  # noqa: FBT001 - one of a set
    """With the mark and without."""
    thin = thin_body(NIL, Environment.LIVE, "a.b", AT, is_test=is_test)
    assert is_test_body(thin) is is_test
