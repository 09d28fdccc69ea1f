"""What an answer means. Status line and headers decide; the body never does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil

from webhooks.sending.model import Blame, Decision, ErrorClass, Verdict

_SECONDS = re.compile(r"[0-9]{1,10}")
_WISHES = {"disable": Decision.DISABLE, "abort-message": Decision.ABORT}
# A receiver's clock and ours are never quite the same; a second more keeps the promise "never early".
_NEVER_EARLY_SECONDS = 1
DELIVERED = Verdict(decision=Decision.DELIVERED)
_OURS = frozenset({ErrorClass.PROXY, ErrorClass.INTERNAL})

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPolicy:
    """The longest wait that a receiver may ask for."""

    retry_after_seconds_max: int = 86_400


def decide_answer(status: int, headers: Headers, now: datetime, policy: VerdictPolicy) -> Verdict:
    """The verdict on an answer whose head was read.

    Nothing but 2xx is success, and every 2xx is, whatever became of its body. 410 and `webhook-delivery: disable` ask
    for an end of all deliveries, `webhook-delivery: abort-message` for an end of this one (Standard Webhooks, and its
    proposed extension for delivery control).
    """
    if 200 <= status <= 299:
        return DELIVERED
    if status == 410:
        return Verdict(decision=Decision.DISABLE, blame=Blame.LANE)
    fields = {name.lower(): value.strip() for name, value in headers}
    wish = _WISHES.get(fields.get("webhook-delivery", "").lower())
    if wish is not None:
        return Verdict(decision=wish, blame=Blame.LANE if wish is Decision.DISABLE else Blame.DELIVERY)
    return Verdict(
        decision=Decision.RETRY,
        retry_after_seconds=_retry_after(status, fields.get("retry-after"), now, policy),
        blame=_blame(status),
    )


def decide_failure(error: ErrorClass) -> Verdict:
    """The verdict where no answer was read: the whole lane would fail alike, unless the fault is ours."""
    if error in _OURS:
        return Verdict(decision=Decision.RETRY, is_free=True)
    return Verdict(decision=Decision.RETRY, blame=Blame.LANE)


def _blame(status: int) -> Blame:
    return Blame.DELIVERY if 400 <= status <= 499 and status != 429 else Blame.LANE


def _retry_after(status: int, value: str | None, now: datetime, policy: VerdictPolicy) -> int | None:
    """RFC 9110 §10.2.3: whole seconds or an HTTP date; believed where the receiver says that it is busy."""
    if value is None or not (status == 429 or 500 <= status <= 599):
        return None
    seconds = int(value) if _SECONDS.fullmatch(value) else _seconds_until(value, now)
    if seconds is None:
        return None
    return min(max(seconds, 0), policy.retry_after_seconds_max) + _NEVER_EARLY_SECONDS


def _seconds_until(date: str, now: datetime) -> int | None:
    try:
        at = parsedate_to_datetime(date)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return ceil((aware - now).total_seconds())
    except (ValueError, OverflowError):
        return None
