"""Events and their webhooks: lost, confused, forged."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.checker.finding import Finding
from bench.checker.history import History, Post

_OPEN_STATES = frozenset({"pending", "waiting"})


def findings(history: History) -> Iterator[Finding]:
    """What can be said of all events."""
    yield Finding(name="events acknowledged", count=len(history.events))
    yield Finding(name="events told by the feed", count=len(history.final.feed))
    yield Finding(name="webhooks received", count=len(history.posts))
    yield Finding(name="deliveries taken", count=sum(1 for posts in history.by_delivery.values() if _taken(posts)))
    yield Finding.zero("events lost", _lost(history))
    yield Finding.zero("events acknowledged that the feed does not tell", _untold(history))
    yield Finding.zero("two ids for one key", _two_ids(history))
    yield Finding.zero("webhooks at another merchant's endpoint", _astray(history))
    yield Finding.zero("one id with two bodies", _two_bodies(history))
    yield Finding.zero(
        "bad signatures", (f"{p.lane} {p.id} at {p.arrived:.3f}" for p in history.posts if not p.verified)
    )
    yield Finding.zero("valid requests refused", (f"{a.key}: {a.refused}" for a in history.asks if a.refused))
    yield Finding.zero(
        "requests never answered",
        (ask.key for ask in history.asks if ask.acknowledged is None and ask.refused is None),
    )
    yield Finding.zero("one number for two events of an endpoint", _shared_numbers(history))
    yield Finding.zero("numbers that never came", _skipped_numbers(history))
    yield Finding.zero("deliveries still open that an endpoint would take", _open(history))


def _taken(posts: Sequence[Post]) -> bool:
    return any(post.taken for post in posts)


def _lost(history: History) -> Iterator[str]:
    """An acknowledged event that its endpoint never took; where the endpoint takes none, one that nobody knows of."""
    known = {delivery["event"] for delivery in history.final.deliveries}
    for ask in history.events:
        if history.takes_all(ask.lane):
            if (ask.lane, ask.key) not in history.taken_keys:
                yield f"{ask.lane} {ask.key} {sorted(ask.ids)}"
        elif history.lanes[ask.lane].behaviour == "dead" and not ask.ids & known:
            yield f"{ask.lane} {ask.key}: no delivery"
    yield from _lost_of_feed(history)


def _lost_of_feed(history: History) -> Iterator[str]:
    """Events that the system made by itself (of payments) are known from its feed only."""
    lane_of = {lane.merchant: lane.name for lane in history.lanes.values()}
    asked = {id_ for ask in history.asks for id_ in ask.ids}
    for event in history.final.feed:
        lane = lane_of.get(event["merchant"])
        if event["id"] in asked or lane is None or not history.takes_all(lane):
            continue
        if not _taken(history.by_delivery.get((lane, event["id"]), [])):
            yield f"{lane} {event['id']} {event['type']}"


def _untold(history: History) -> Iterator[str]:
    told = {event["id"] for event in history.final.feed}
    return (f"{ask.key} {sorted(ask.ids)}" for ask in history.events if not ask.ids <= told)


def _two_ids(history: History) -> Iterator[str]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for ask in history.asks:
        ids[ask.key] |= ask.ids
    for post in history.posts:
        if post.key is not None:
            ids[post.key].add(post.id)
    return (f"{key} {sorted(found)}" for key, found in ids.items() if len(found) > 1)


def _astray(history: History) -> Iterator[str]:
    lane_of = {ask.key: ask.lane for ask in history.asks}
    for post in history.posts:
        if post.key is not None and lane_of.get(post.key, post.lane) != post.lane:
            yield f"{post.key} of {lane_of[post.key]} at {post.lane}"


def _two_bodies(history: History) -> Iterator[str]:
    digests: defaultdict[str, set[str]] = defaultdict(set)
    for post in history.posts:
        digests[post.id].add(post.digest)
    return (id_ for id_, found in digests.items() if len(found) > 1)


def _shared_numbers(history: History) -> Iterator[str]:
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for post in history.posts:
        if post.sequence:
            ids[post.lane, post.sequence].add(post.id)
    return (f"{lane} {number} {sorted(found)}" for (lane, number), found in ids.items() if len(found) > 1)


def _skipped_numbers(history: History) -> Iterator[str]:
    """What an endpoint that took everything can tell by itself: from the first number to the last none is missing."""
    taken: defaultdict[str, set[int]] = defaultdict(set)
    for post in history.posts:
        if post.sequence.isdigit() and post.taken and history.takes_all(post.lane):
            taken[post.lane].add(int(post.sequence))
    for lane, numbers in taken.items():
        yield from (f"{lane} {number}" for number in sorted(set(range(1, max(numbers))) - numbers))


def _open(history: History) -> Iterator[str]:
    lane_of = {lane.endpoint: lane.name for lane in history.lanes.values()}
    for delivery in history.final.deliveries:
        lane = lane_of.get(delivery["endpoint"])
        if lane is not None and history.takes_all(lane) and delivery["state"] in _OPEN_STATES:
            yield f"{lane} {delivery['event']} is {delivery['state']}"
