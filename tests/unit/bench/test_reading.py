"""Logs in, tables out."""

from pathlib import Path

import orjson

from bench.checker.finding import Finding, as_markdown, as_text
from bench.checker.history import History
from bench.faults.tap import OrderTap
from bench.lines import Lines, read_lines
from bench.load.scene import Lane, Scene
from bench.target import Target


def write(path: Path, *records: object) -> None:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A killed writer leaves half a line at most, and the rest can be read."""
    path = tmp_path / "log.jsonl"
    log = Lines(path)
    log.write(what="whole")
    log.close()
    with path.open("ab") as file:
        file.write(b'{"what": "to')
    assert [line["what"] for line in read_lines(path)] == ["whole"]


def test_an_event_is_acknowledged_by_its_first_answer_and_keeps_every_id(tmp_path: Path) -> None:
    """Tries count from the first request; an id that a later answer names differently is not forgotten."""
    Scene(partner="p", client_id="c", client_secret="s", lanes=(Lane(name="fast", behaviour="fast", weight=1),)).write(
        tmp_path / "scene.json"
    )
    item = {"key": "k", "lane": "fast", "chain": "", "amount": 0}
    write(
        tmp_path / "requests.jsonl",
        {"what": "request", "kind": "event", "mono": 1.0, "items": [item]},
        {"what": "answer", "kind": "event", "mono": 2.0, "items": [{"key": "k", "status": 503, "id": None}]},
        {"what": "request", "kind": "event", "mono": 3.0, "items": [item]},
        {"what": "answer", "kind": "event", "mono": 4.0, "items": [{"key": "k", "status": 202, "id": "e1"}]},
        {"what": "answer", "kind": "event", "mono": 5.0, "items": [{"key": "k", "status": 202, "id": "e2"}]},
        {"what": "ended"},
    )
    (ask,) = History.read(tmp_path, chains_promised=False).asks
    assert (ask.requested, ask.acknowledged, ask.ids, ask.refused) == (1.0, 4.0, frozenset({"e1", "e2"}), None)


def test_the_tap_pairs_references_over_any_division_of_the_bytes(tmp_path: Path) -> None:
    """What the system calls a payment towards the bank is learnt from the order, however the network cuts it."""
    target = Target.load()
    assert target.books is not None
    log = Lines(tmp_path / "orders.jsonl")
    see = OrderTap(target.books, log)()
    sent = b'POST / HTTP/1.1\r\n\r\n{"end_to_end_id":"r1","reference":"k1"}POST {"reference":"k2","end_to_end_id":"r2"}'
    for place in range(0, len(sent), 7):
        see(sent[place : place + 7])
    log.close()
    pairs = [(line["theirs"], line["ours"]) for line in read_lines(tmp_path / "orders.jsonl")]
    assert pairs == [("r1", "k1"), ("r2", "k2")]


def test_what_is_wrong_stands_out() -> None:
    """A gate that did not hold is marked in both forms, with examples for whoever looks for the reason."""
    found = [Finding.zero("events lost", ["fast k1"]), Finding(name="memory", count=12, unit="MiB")]
    assert "MUST BE 0" in as_text(found)
    assert "fast k1" in as_text(found)
    assert "| events lost | **1 (must be 0)** |" in as_markdown([("seed 1", found)])
    assert "| memory | 12 MiB |" in as_markdown([("seed 1", found)])
