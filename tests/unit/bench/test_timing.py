"""Duplicates, order, Retry-After and recovery, on histories written by hand."""

from dataclasses import replace

from bench.checker import recovery, timing
from bench.checker.finding import Finding
from bench.checker.history import Ask, Fault, Final, History, Post
from bench.load.scene import Lane

FAST = Lane(name="fast", behaviour="fast", weight=1, merchant="m1")
ORDERED = Lane(name="ordered", behaviour="fast", weight=1, ordered=True, merchant="m2")
POST = Post(
    lane="fast",
    id="e1",
    cause="first",
    key="k1",
    type="order.packed",
    subject=None,
    digest="d",
    arrived=10.0,
    answered=10.1,
    act="answer",
    status=204,
    retry_after=None,
    verified=True,
)
KILL = Fault(kind="kill dispatcher", began=10.05, ended=10.05)


def history(
    *posts: Post, faults: tuple[Fault, ...] = (), asks: tuple[Ask, ...] = (), final: Final | None = None
) -> History:
    return History(
        lanes={lane.name: lane for lane in (FAST, ORDERED)},
        asks=asks,
        posts=posts,
        faults=faults,
        final=final or Final(),
        chains_promised=True,
    )


def ask(key: str, at: float, *, lane: str = "fast", chain: str = "") -> Ask:
    return Ask(
        key=key,
        kind="event",
        lane=lane,
        chain=chain,
        requested=at,
        acknowledged=at + 0.01,
        ids=frozenset({f"id-{key}"}),
        refused=None,
    )


def count(findings: list[Finding], name: str) -> float:
    return next(finding.count for finding in findings if finding.name == name)


def again(seconds: float, cause: str = "lease_expired") -> Post:
    return replace(POST, arrived=POST.arrived + seconds, answered=POST.answered + seconds, cause=cause)


def test_a_duplicate_is_explained_by_a_fault_that_had_it_in_flight() -> None:
    """A kill between answer and commit may cost one repeat; it is counted under its cause."""
    found = list(timing.findings(history(POST, again(15), faults=(KILL,))))
    assert count(found, "duplicates: lease_expired") == 1
    assert count(found, "duplicates of what no fault had in flight") == 0


def test_a_duplicate_long_after_every_fault_is_not_explained() -> None:
    """What was committed long before a fault must not come again because of it."""
    late = replace(KILL, began=60.0, ended=60.0)
    found = list(timing.findings(history(POST, again(55), faults=(late,))))
    assert count(found, "duplicates of what no fault had in flight") == 1


def test_one_fault_explains_one_repeat() -> None:
    """More repeats than faults are not bounded by what was in flight."""
    found = list(timing.findings(history(POST, again(15), again(30), faults=(KILL,))))
    assert count(found, "duplicates of what no fault had in flight") == 1


def test_a_post_within_retry_after_is_early() -> None:
    """Not a moment before the endpoint's Retry-After is over."""
    refused = replace(POST, status=429, retry_after=3)
    assert count(list(timing.findings(history(refused, again(2.9, "retry")))), "earlier than Retry-After") == 1
    assert count(list(timing.findings(history(refused, again(3.2, "retry")))), "earlier than Retry-After") == 0


def test_an_early_post_is_excused_only_if_its_answer_was_lost() -> None:
    """A killed dispatcher cannot know of the 429 that it read; one that lived can."""
    refused = replace(POST, status=429, retry_after=30)
    excused = list(timing.findings(history(refused, again(15, "lease_expired"), faults=(KILL,))))
    assert count(excused, "earlier than Retry-After") == 0
    assert count(excused, "earlier than a Retry-After whose answer a fault lost") == 1
    not_excused = list(timing.findings(history(refused, again(15, "retry"), faults=(KILL,))))
    assert count(not_excused, "earlier than Retry-After") == 1


def test_a_follower_before_its_predecessor_was_taken_is_out_of_order() -> None:
    """The first POST of the second event comes after the 2xx of the first; repeats of the first may come later."""
    asks = (ask("a", 1.0, lane="ordered", chain="c"), ask("b", 2.0, lane="ordered", chain="c"))
    first = replace(POST, lane="ordered", id="id-a", key="a")
    after = replace(POST, lane="ordered", id="id-b", key="b", arrived=10.2, answered=10.3)
    repeat = replace(first, arrived=20.0, answered=20.1)
    name = "out of order where order was promised"
    assert count(list(timing.findings(history(first, after, repeat, asks=asks))), name) == 0
    assert count(list(timing.findings(history(first, replace(after, arrived=10.05), asks=asks))), name) == 1


def test_payments_are_told_in_the_order_of_the_feed() -> None:
    """At an ordered endpoint the events of one payment come in the order in which they were committed."""
    payment = replace(ask("p", 1.0, lane="ordered"), kind="payment", ids=frozenset({"pay1"}))
    told = [{"id": id_, "merchant": "m2", "subject": "pay1", "type": "t"} for id_ in ("created", "settled")]
    created = replace(POST, lane="ordered", id="created", key=None, subject="pay1", arrived=12.0, answered=12.1)
    settled = replace(created, id="settled", arrived=11.0, answered=11.1)
    found = list(timing.findings(history(created, settled, asks=(payment,), final=Final(feed=tuple(told)))))
    assert count(found, "out of order where order was promised") == 1


def steady_load(*, outage: tuple[float, float]) -> tuple[tuple[Ask, ...], tuple[Post, ...]]:
    """Ten events a second for a minute; those of the outage are taken when it ends."""
    asks = tuple(ask(f"k{number}", number / 10) for number in range(600))
    ends = [outage[1] if outage[0] <= each.requested < outage[1] else each.requested for each in asks]
    posts = tuple(
        replace(POST, id=f"id-{each.key}", key=each.key, arrived=end, answered=end + 0.05)
        for each, end in zip(asks, ends, strict=True)
    )
    return asks, posts


def test_recovery_is_timed_until_everything_new_arrives_soon() -> None:
    """The time counts from when the dependency was back to when two seconds of events arrive within two seconds."""
    asks, posts = steady_load(outage=(20.0, 30.0))
    fault = Fault(kind="kill redis", began=20.0, ended=22.0)
    (found,) = recovery.recoveries(history(*posts, asks=asks, faults=(fault,)))
    assert found.seconds is not None
    assert 5.5 < found.seconds < 6.5


def test_a_fault_that_another_one_follows_cannot_be_timed() -> None:
    """The later of the two carries both."""
    asks, posts = steady_load(outage=(20.0, 30.0))
    faults = (Fault(kind="one", began=20.0, ended=20.0), Fault(kind="two", began=21.0, ended=22.0))
    found = [each.seconds is None for each in recovery.recoveries(history(*posts, asks=asks, faults=faults))]
    assert found == [True, False]


def test_a_system_that_never_recovers_fails() -> None:
    """Load went on and nothing arrived: that is too long, not unknown."""
    asks, posts = steady_load(outage=(20.0, 1000.0))
    fault = Fault(kind="kill redis", began=20.0, ended=22.0)
    found = list(recovery.findings(history(*posts, asks=asks, faults=(fault,))))
    assert count(found, "recoveries over 15 s") == 1
