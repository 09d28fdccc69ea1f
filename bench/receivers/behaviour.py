"""How each kind of endpoint reacts: pure functions of the event's id, of how often it came, and of the time.

Every lane but `gone` and `dead` takes every event in the end, so that one that never came is a loss and nothing else.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_FLAP_SECONDS = 5.0
_GONE_AFTER_POSTS = 20


class Act(StrEnum):
    """What is done with the connection."""

    ANSWER = "answer"
    DRIP = "drip"  # the head at once, then a byte now and then
    HUGE = "huge"  # the head, then megabytes
    RESET = "reset"  # the whole request is read, then the connection is reset
    HANG = "hang"  # nothing, until the sender goes away


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a reaction depends on. `nth` counts this event's POSTs to this lane from 0, `total` all of the lane's."""

    webhook_id: str
    nth: int
    total: int
    now_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """`status` is 0 where nothing is answered; `retry_after` is in seconds."""

    act: Act = Act.ANSWER
    status: int = 204
    wait_seconds: float = 0.0
    retry_after: int | None = None


_WELL = Reaction()


def dice(webhook_id: str, sides: int) -> int:
    """A number from 0 to `sides` - 1 that is always the same for one event."""
    return int.from_bytes(hashlib.sha256(webhook_id.encode()).digest()[:4], "big") % sides


def fast(_post: Post) -> Reaction:
    """2xx at once."""
    return _WELL


def slow(post: Post) -> Reaction:
    """2xx after up to two seconds."""
    return Reaction(wait_seconds=0.2 + dice(post.webhook_id, 18) / 10)


def failing_first(post: Post) -> Reaction:
    """Some events are refused once or twice; what follows them in order has to wait."""
    return Reaction(status=500) if post.nth < max(dice(post.webhook_id, 6) - 3, 0) else _WELL


def flapping(post: Post) -> Reaction:
    """Down for five seconds, up for five."""
    return Reaction(status=503) if int(post.now_seconds / _FLAP_SECONDS) % 2 else _WELL


def hanging(post: Post) -> Reaction:
    """Every other event hangs once."""
    return Reaction(act=Act.HANG, status=0) if post.nth < dice(post.webhook_id, 2) else _WELL


def dripping(_post: Post) -> Reaction:
    """200 at once and a body that never ends: it is delivered."""
    return Reaction(act=Act.DRIP, status=200)


def huge(_post: Post) -> Reaction:
    """200 and a body of megabytes: it is delivered."""
    return Reaction(act=Act.HUGE, status=200)


def resetting(post: Post) -> Reaction:
    """Reads everything, then resets the connection, up to twice an event."""
    return Reaction(act=Act.RESET, status=0) if post.nth < dice(post.webhook_id, 3) else _WELL


def limited(post: Post) -> Reaction:
    """429 with two or three seconds of Retry-After, once for every twelfth event: a sender may stop the whole lane."""
    if post.nth == 0 and dice(post.webhook_id, 12) == 0:
        return Reaction(status=429, retry_after=2 + dice(post.webhook_id + "wait", 2))
    return _WELL


def gone(post: Post) -> Reaction:
    """410 after a while, for ever."""
    return Reaction(status=410) if post.total >= _GONE_AFTER_POSTS else _WELL


def dead(_post: Post) -> Reaction:
    """500, for ever."""
    return Reaction(status=500)


BEHAVIOURS: Mapping[str, Callable[[Post], Reaction]] = {
    "fast": fast,
    "slow": slow,
    "failing-first": failing_first,
    "flapping": flapping,
    "hanging": hanging,
    "dripping": dripping,
    "huge": huge,
    "resetting": resetting,
    "limited": limited,
    "gone": gone,
    "dead": dead,
}
# Of these an event may rightly never be taken.
NEVER_TAKES_ALL = frozenset({"gone", "dead"})
