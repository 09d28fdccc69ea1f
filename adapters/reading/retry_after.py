"""The `Retry-After` header (RFC 9110 §10.2.3), read without asking a clock."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import ceil

_SECONDS_MAX = 86_400


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """How long the answer asks us to wait, capped at a day; a date counts from the answer's own `Date`."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(int(value), _SECONDS_MAX)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0, ceil(wait.total_seconds())), _SECONDS_MAX)
