"""What is published when: a pure function of the seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.load.scene import Lane

BATCH_EVENTS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One event or payment to be. `chain` groups what must arrive in order; empty where no order is promised."""

    key: str
    lane: Lane
    type: str
    chain: str = ""
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to be made `at_seconds` after the start: a single event, a batch of them, or a payment."""

    at_seconds: float
    items: tuple[Item, ...]
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much, how long. Rates are per second; `batch_share` of the publishing requests carry many events."""

    seed: int
    seconds: float
    events_per_second: float
    payments_per_second: float
    batch_share: float = 0.02
    chains: int = 8


def plan(pace: Pace, lanes: Sequence[Lane], amounts: Sequence[tuple[int, int]]) -> Iterator[Request]:
    """Requests in order of time. `amounts` are pairs of minor units and weight; without any there are no payments."""
    dice = random.Random(pace.seed)
    payments_per_second = pace.payments_per_second if amounts else 0.0
    total = pace.events_per_second + payments_per_second
    now, number = 0.0, 0
    while (now := now + dice.expovariate(total)) < pace.seconds:
        number += 1
        if dice.random() * total < payments_per_second:
            yield Request(at_seconds=now, items=(_payment(pace, dice, number, lanes, amounts),), kind="payment")
        elif dice.random() < pace.batch_share:
            count = dice.randint(2, BATCH_EVENTS_MAX)
            items = tuple(_event(pace, dice, f"{number}-{place}", lanes) for place in range(count))
            yield Request(at_seconds=now, items=tuple(_unchained(item) for item in items), kind="batch")
        else:
            yield Request(at_seconds=now, items=(_event(pace, dice, str(number), lanes),), kind="event")


def _event(pace: Pace, dice: random.Random, number: str, lanes: Sequence[Lane]) -> Item:
    lane = dice.choices(lanes, [lane.weight for lane in lanes])[0]
    chain = f"{lane.name}/{dice.randrange(pace.chains)}" if lane.ordered else ""
    return Item(key=f"ev-{pace.seed}-{number}", lane=lane, type="order.packed", chain=chain)


def _unchained(item: Item) -> Item:
    """Within one batch nothing says which of two events of a chain is the earlier one."""
    return Item(key=item.key, lane=item.lane, type=item.type)


def _payment(
    pace: Pace, dice: random.Random, number: int, lanes: Sequence[Lane], amounts: Sequence[tuple[int, int]]
) -> Item:
    lane = dice.choice([lane for lane in lanes if lane.pays])
    amount = dice.choices([value for value, _ in amounts], [weight for _, weight in amounts])[0]
    return Item(key=f"pay-{pace.seed}-{number}", lane=lane, type="payment", amount=amount)
