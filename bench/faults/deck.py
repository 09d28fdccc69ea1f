"""Which faults strike when: a pure function of the seed.

Most faults come in clusters of about three within a second and a half, so that they meet each other. In a full run each
kind also strikes once in three seeds alone, with quiet after it: only so its own time to recover can be told.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_CLUSTER_SECONDS = 1.5
_CLUSTER_FAULTS = 3
_LEAD_IN_SECONDS = 5.0
_FULL_RUN_SECONDS = 480.0
# Room for one fault of up to ten seconds and the recovery that is promised after it.
_ALONE_SECONDS = 27.0
_ALONE_LUCK_MAX = 0.5
_SEEDS = 3

# How often each strikes in a run of 480 seconds. Names: see bench/chaos/arsenal.py.
FULL_RUN: Mapping[str, int] = {
    "kill gateway": 9,
    "kill dispatcher": 9,
    "kill worker": 9,
    "end gateway": 3,
    "end dispatcher": 3,
    "end worker": 3,
    "kill postgres": 5,
    "kill redis": 8,
    "redis flushall": 9,
    "redis loses its last second": 5,
    "postgres unreachable": 2,
    "postgres frozen": 2,
    "postgres slow": 2,
    "postgres dripping": 2,
    "redis unreachable": 2,
    "redis frozen": 2,
    "redis slow": 2,
    "redis dripping": 2,
    "bank unreachable": 2,
    "bank frozen": 2,
    "bank slow": 1,
    "disk full under postgres": 2,
    "restart system": 2,
}
BANK_FULL_RUN = 24
# How often each must have struck in such a run, so that three seeds make 20: a run with fewer proves too little.
LEAST_FULL_RUN: Mapping[str, int] = {"kill gateway": 7, "kill dispatcher": 7, "kill worker": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One fault to come. `luck` is a number in [0, 1) from which the fault chooses its particulars."""

    at_seconds: float
    name: str
    luck: float


def deal(seed: int, seconds: float, bank_faults: Sequence[str]) -> list[Card]:
    """The faults of a run in order of time; a shorter run has a fair part of each, drawn by lot."""
    dice = random.Random(f"faults {seed}")
    names = list(_names(dice, seconds, bank_faults))
    alone = _alone(seed, seconds, bank_faults)
    for name in alone:
        if name in names:
            names.remove(name)
    dice.shuffle(names)
    clusters = max(1, len(names) // _CLUSTER_FAULTS)
    dice.shuffle(alone)
    groups = [(name,) for name in alone] + [tuple(names[place::clusters]) for place in range(clusters)]
    spacing = max(0.0, seconds - _LEAD_IN_SECONDS - len(alone) * _ALONE_SECONDS) / clusters
    return sorted(_placed(dice, groups, spacing), key=lambda card: card.at_seconds)


def least_strikes(seconds: float) -> Mapping[str, int]:
    """How often each of the kinds that are promised must have struck in a run of this length."""
    return {name: int(least * seconds / _FULL_RUN_SECONDS) for name, least in LEAST_FULL_RUN.items()}


def weather_seconds(luck: float) -> float:
    """Five to fifteen seconds, now and then up to a minute."""
    return 5.0 + 10.0 * luck if luck < 0.95 else 15.0 + 900.0 * (luck - 0.95)


def _placed(dice: random.Random, groups: Sequence[tuple[str, ...]], spacing: float) -> Iterator[Card]:
    """Those alone come first, before longer faults could overlap them; clusters share what is left of the time."""
    at_seconds = _LEAD_IN_SECONDS
    for group in groups:
        if len(group) == 1:
            yield Card(at_seconds=at_seconds, name=group[0], luck=dice.uniform(0.0, _ALONE_LUCK_MAX))
            at_seconds += _ALONE_SECONDS
            continue
        start = at_seconds + spacing * dice.uniform(0.0, 0.4)
        for name in group:
            yield Card(at_seconds=start + dice.uniform(0.0, _CLUSTER_SECONDS), name=name, luck=dice.random())
        at_seconds += spacing


def _alone(seed: int, seconds: float, bank_faults: Sequence[str]) -> list[str]:
    """A third of all kinds, another one for each of three seeds in a row; none where the run is too short for it."""
    kinds = sorted([*FULL_RUN, *(f"bank: {fault}" for fault in bank_faults)])
    chosen = kinds[seed % _SEEDS :: _SEEDS]
    return chosen if len(chosen) * _ALONE_SECONDS < 0.8 * seconds else []


def _names(dice: random.Random, seconds: float, bank_faults: Sequence[str]) -> Iterator[str]:
    share = seconds / _FULL_RUN_SECONDS
    for name, count in FULL_RUN.items():
        yield from [name] * _fair(dice, count * share)
    if bank_faults:
        for _ in range(_fair(dice, BANK_FULL_RUN * share)):
            yield f"bank: {dice.choice(bank_faults)}"


def _fair(dice: random.Random, expected: float) -> int:
    """The whole part for certain, the rest by lot."""
    whole = int(expected)
    return whole + (dice.random() < expected - whole)
