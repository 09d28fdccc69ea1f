"""A body as large as realistic ones get, for measuring what a filter costs before it is accepted."""

from typing import Any

from webhooks.filters.expression import Filter

_LINES = 160


def worst_sample(_of: Filter) -> dict[str, Any]:
    """About 64 KiB of JSON in the shape that the expression looks for, so that all of it is gone through."""
    lines = [{"sku": f"sku-{number}", "price": number, "note": "x" * 340} for number in range(_LINES)]
    return {"type": "order.shipped", "timestamp": "2026-01-01T00:00:00.000Z", "data": {"items": lines}}
