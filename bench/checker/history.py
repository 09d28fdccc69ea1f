"""What happened, as far as anyone outside could see it. All times are seconds of the monotonic clock."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import orjson

from bench.lines import read_lines
from bench.load.scene import Lane, Scene
from bench.receivers.behaviour import NEVER_TAKES_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One event or payment that the generator asked for, under one key. `ids` are all that answers ever named."""

    key: str
    kind: str
    lane: str
    chain: str
    requested: float
    acknowledged: float | None
    ids: frozenset[str]
    refused: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST that reached a receiver. `status` is 0 where it answered nothing."""

    lane: str
    id: str
    cause: str
    key: str | None
    type: str | None
    subject: str | None
    digest: str
    arrived: float
    answered: float
    act: str
    status: int
    retry_after: int | None
    verified: bool
    sequence: str = ""

    @property
    def taken(self) -> bool:
        """Whether the receiver said 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; `ended` is when what it took away was back. `skipped` says why it could not be done."""

    kind: str
    began: float
    ended: float
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What API and bank say after the recovery window.

    `payments`: key → status. `references`: what stands in the bank's books → key. `books`: reference → how many
    payments under it moved money.
    """

    payments: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    books: Mapping[str, int] = field(default_factory=dict)
    feed: tuple[Mapping[str, Any], ...] = ()
    deliveries: tuple[Mapping[str, Any], ...] = ()
    memory_bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything that the checker looks at. `chains_promised`: the system was told which events belong together."""

    lanes: Mapping[str, Lane]
    asks: tuple[Ask, ...]
    posts: tuple[Post, ...]
    faults: tuple[Fault, ...]
    final: Final
    chains_promised: bool = False

    @cached_property
    def by_delivery(self) -> Mapping[tuple[str, str], list[Post]]:
        """The POSTs of each lane and event, in order of arrival."""
        grouped: defaultdict[tuple[str, str], list[Post]] = defaultdict(list)
        for post in sorted(self.posts, key=lambda post: post.arrived):
            grouped[post.lane, post.id].append(post)
        return grouped

    @cached_property
    def taken_keys(self) -> Mapping[tuple[str, str], float]:
        """When a lane first took the event of a key."""
        taken: dict[tuple[str, str], float] = {}
        for post in sorted(self.posts, key=lambda post: post.answered):
            if post.taken and post.key is not None:
                taken.setdefault((post.lane, post.key), post.answered)
        return taken

    @cached_property
    def events(self) -> tuple[Ask, ...]:
        """The events that were acknowledged."""
        return tuple(ask for ask in self.asks if ask.kind == "event" and ask.acknowledged is not None)

    @cached_property
    def payments(self) -> tuple[Ask, ...]:
        """The payments that were acknowledged."""
        return tuple(ask for ask in self.asks if ask.kind == "payment" and ask.acknowledged is not None)

    def takes_all(self, lane: str) -> bool:
        """Whether the lane's endpoint takes every event in the end."""
        return self.lanes[lane].behaviour not in NEVER_TAKES_ALL

    @classmethod
    def read(cls, folder: Path, *, chains_promised: bool) -> Self:
        """The history that a run left in its folder."""
        scene = Scene.read(folder / "scene.json")
        return cls(
            lanes={lane.name: lane for lane in scene.lanes},
            asks=tuple(_asks(read_lines(folder / "requests.jsonl"))),
            posts=tuple(_post(line) for line in read_lines(folder / "posts.jsonl")),
            faults=tuple(_fault(line) for line in read_lines(folder / "faults.jsonl")),
            final=_final(folder / "final.json"),
            chains_promised=chains_promised,
        )


def _asks(lines: Iterable[Mapping[str, Any]]) -> Iterable[Ask]:
    first: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["what"] == "request":
            for item in line["items"]:
                kind = "payment" if line["kind"] == "payment" else "event"
                start = {"kind": kind, "requested": line["mono"], "acknowledged": None, "ids": set(), "refused": None}
                first.setdefault(item["key"], item | start)
        elif line["what"] == "answer":
            for item in line["items"]:
                _answered(first[item["key"]], item, line["mono"])
    for ask in first.values():
        ask.pop("amount", None)
        yield Ask(**ask | {"ids": frozenset(ask["ids"])})


def _answered(ask: dict[str, Any], item: Mapping[str, Any], at: float) -> None:
    if item["id"] is not None:
        ask["ids"].add(item["id"])
        ask["acknowledged"] = ask["acknowledged"] or at
    elif 300 <= item["status"] < 500 and item["status"] not in {401, 408, 409, 425, 429}:
        ask["refused"] = item["status"]


def _post(line: Mapping[str, Any]) -> Post:
    fields = {name: line[name] for name in Post.__dataclass_fields__ if name in line}
    return Post(**fields, answered=line["mono"])


def _final(path: Path) -> Final:
    if not path.exists():
        return Final()
    fields = orjson.loads(path.read_bytes())
    lists = {"feed": tuple(fields["feed"]), "deliveries": tuple(fields["deliveries"])}
    return Final(**{**fields, **lists})


def _fault(line: Mapping[str, Any]) -> Fault:
    return Fault(kind=line["kind"], began=line["began"], ended=line["ended"], skipped=line.get("skipped", ""))
