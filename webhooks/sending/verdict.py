"""What an answer means. Status line and headers decide; the body never does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime, parsedate_tz
from math import ceil

from webhooks.sending.model import Blame, Decision, ErrorClass, Verdict

_SECONDS = re.compile(r"[0-9]+")
# More digits are longer than any wait that is kept; int() would refuse some thousands of them.
_DIGITS_MAX = 10
_YEAR_MAX = 9999
_FIELD = "webhook-delivery"
_WISHES = {"disable": Decision.DISABLE, "abort-message": Decision.ABORT}
# A receiver's clock and ours are never quite the same; a second more keeps the promise "never early".
_NEVER_EARLY_SECONDS = 1
DELIVERED = Verdict(decision=Decision.DELIVERED)
_DELIVERED_LAST = Verdict(decision=Decision.DELIVERED, is_last=True)
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
    proposed extension for delivery control). Of a 2xx `disable` is heard too; there is nothing left to abort.
    """
    if 200 <= status <= 299:
        return decide_success(headers)
    if status == 410:
        return Verdict(decision=Decision.DISABLE, blame=Blame.LANE)
    fields = {name.lower(): value.strip() for name, value in headers}
    wish = _WISHES.get(fields.get(_FIELD, "").lower())
    if wish is not None:
        return Verdict(decision=wish, blame=Blame.LANE if wish is Decision.DISABLE else Blame.DELIVERY)
    return Verdict(
        decision=Decision.RETRY,
        retry_after_seconds=_retry_after(status, fields.get("retry-after"), now, policy),
        blame=_blame(status),
    )


def decide_success(headers: Headers) -> Verdict:
    """The verdict on a 2xx: delivered, and with `webhook-delivery: disable` the last that the receiver wants."""
    return _DELIVERED_LAST if _wish(headers) is Decision.DISABLE else DELIVERED


def decide_failure(error: ErrorClass) -> Verdict:
    """The verdict where no answer was read: the whole lane would fail alike, unless the fault is ours."""
    if error in _OURS:
        return Verdict(decision=Decision.RETRY, is_free=True)
    return Verdict(decision=Decision.RETRY, blame=Blame.LANE)


def _wish(headers: Headers) -> Decision | None:
    """What the receiver wants; made for answers of which nearly none says so."""
    for name, value in headers:
        if len(name) == len(_FIELD) and name.lower() == _FIELD:
            return _WISHES.get(value.strip().lower())
    return None


def _blame(status: int) -> Blame:
    return Blame.DELIVERY if 400 <= status <= 499 and status != 429 else Blame.LANE


def _retry_after(status: int, value: str | None, now: datetime, policy: VerdictPolicy) -> int | None:
    """RFC 9110 §10.2.3: whole seconds or an HTTP date; believed where the receiver says that it is busy."""
    if value is None or not (status == 429 or 500 <= status <= 599):
        return None
    longest = policy.retry_after_seconds_max
    seconds = _seconds(value, longest) if _SECONDS.fullmatch(value) else _seconds_until(value, now, longest)
    if seconds is None:
        return None
    return min(max(seconds, 0), longest) + _NEVER_EARLY_SECONDS


def _seconds(digits: str, longest: int) -> int:
    significant = digits.lstrip("0")
    return longest if len(significant) > _DIGITS_MAX else int(significant or "0")


def _seconds_until(date: str, now: datetime, longest: int) -> int | None:
    parts = parsedate_tz(date)
    if parts is not None and parts[0] > _YEAR_MAX:
        return longest
    try:
        at = parsedate_to_datetime(date)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return ceil((aware - now).total_seconds())
    except (ValueError, OverflowError):
        return None
