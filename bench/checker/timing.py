"""When webhooks came: again, out of order, too early."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bench.checker.finding import Finding
from bench.checker.history import Fault, History, Post

# How long after an endpoint's 2xx its result may still be on its way into the database.
_COMMIT_SECONDS = 5.0
# A sender reads an endless body until its deadline before it records the result.
_BODY_SECONDS = 30.0
_LOSS_CAUSES = frozenset({"lease_expired", "reconciled"})


def findings(history: History) -> Iterator[Finding]:
    """What can be said of times."""
    repeats = [(first, again) for posts in history.by_delivery.values() for first, again in _repeats(posts)]
    yield Finding(name="duplicates (a POST after a 2xx)", count=len(repeats))
    for cause, count in sorted(Counter(again.cause or "not said" for _, again in repeats).items()):
        yield Finding(name=f"duplicates: {cause}", count=count)
    yield Finding.zero("duplicates of what no fault had in flight", _unexplained(history))
    yield Finding.zero("out of order where order was promised", _out_of_order(history))
    early = list(_early(history))
    yield Finding.zero("earlier than Retry-After", (text for text, explained in early if not explained))
    yield Finding(
        name="earlier than a Retry-After whose answer a fault lost", count=sum(1 for _, lost in early if lost)
    )


def _repeats(posts: Sequence[Post]) -> Iterator[tuple[Post, Post]]:
    """Each POST that came after a 2xx, with that 2xx."""
    taken = next((place for place, post in enumerate(posts) if post.taken), None)
    if taken is not None:
        yield from ((posts[taken], again) for again in posts[taken + 1 :])


def _unexplained(history: History) -> Iterator[str]:
    """Duplicates whose result no fault can have kept from the database, or more of them than there were faults."""
    for posts in history.by_delivery.values():
        repeats = list(_repeats(posts))
        if not repeats:
            continue
        first, last = repeats[0][0], repeats[-1][1]
        near = [fault for fault in history.faults if _had_in_flight(fault, first)]
        later = [fault for fault in history.faults if first.arrived <= fault.began <= last.arrived]
        if not near or len(repeats) > len({*near, *later}):
            yield f"{first.lane} {first.id}: {len(repeats)} repeats, {[post.cause for _, post in repeats]}"


def _had_in_flight(fault: Fault, post: Post) -> bool:
    reading = _BODY_SECONDS if post.act in {"drip", "huge"} else _COMMIT_SECONDS
    return (
        not fault.skipped and fault.began <= post.answered + reading and fault.ended >= post.arrived - _COMMIT_SECONDS
    )


def _out_of_order(history: History) -> Iterator[str]:
    for lane, ids in _chains(history):
        for before, after in pairwise(ids):
            earlier, later = history.by_delivery.get((lane, before), []), history.by_delivery.get((lane, after), [])
            ended = next((post.answered for post in earlier if post.taken), None)
            if later and (ended is None or later[0].arrived < ended):
                yield f"{lane} {after} at {later[0].arrived:.3f}, {before} was taken at {ended}"


def _chains(history: History) -> Iterator[tuple[str, list[str]]]:
    """Lane and event ids in the order in which they must be taken."""
    chains: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    if history.chains_promised:
        for ask in sorted(history.events, key=lambda ask: ask.requested):
            if ask.chain:
                chains[ask.lane, ask.chain] += sorted(ask.ids)[:1]
    ordered = {lane.merchant: lane.name for lane in history.lanes.values() if lane.ordered}
    payments = {id_ for ask in history.payments for id_ in ask.ids}
    for event in history.final.feed:
        if event["merchant"] in ordered and event["subject"] in payments:
            chains[ordered[event["merchant"]], event["subject"]].append(event["id"])
    return ((lane, ids) for (lane, _), ids in chains.items())


def _early(history: History) -> Iterator[tuple[str, bool]]:
    """POSTs before an endpoint's Retry-After was over, and whether a fault explains that its answer was not known."""
    for posts in history.by_delivery.values():
        for refused, again in pairwise(posts):
            if refused.retry_after is not None and again.arrived < refused.answered + refused.retry_after:
                lost = again.cause in _LOSS_CAUSES and any(_had_in_flight(fault, refused) for fault in history.faults)
                yield f"{again.lane} {again.id} {again.arrived - refused.answered:.3f} s after 429", lost
