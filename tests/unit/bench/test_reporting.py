"""Results of the benchmark as they are shown."""

import re
from xml.etree import ElementTree as ET

import orjson

from bench.speed.reporting.machines import as_chapter, needs
from bench.speed.reporting.page import as_markdown, line
from bench.speed.reporting.plot import as_svg
from bench.speed.reporting.results import Figure, Point, Results

HELD = Figure(name="fast", unit="/s", values=[90, 110, 100], against=[100, 100, 100], against_name="bare", target=0.9)
MISSED = Figure(
    name="late", unit="ms", values=[30.0], against=[20.0], against_name="the aim", target=1.0, lower_is_better=True
)
FAILED = Figure(name="broken", failed="RuntimeError: 3 of 5 arrived")
CURVE = [Point(load=rate, through=rate, p50_ms=10, p99_ms=40) for rate in (250, 500, 1_000)]


def results() -> Results:
    return Results(commit="abc", figures=[HELD, MISSED, FAILED], curves={"lean": CURVE})


def test_a_ratio_is_the_median_of_its_pairs() -> None:
    """Each value is compared with the one beside it, so what disturbed both does not count."""
    assert Figure(name="", values=[10, 30, 50], against=[10, 10, 50]).ratio == 1.0
    assert (HELD.ratio, HELD.held) == (1.0, True)
    assert MISSED.held is False


def test_the_page_says_what_was_missed_and_what_failed() -> None:
    """A target that is not met and a figure that could not be measured stand out."""
    page = as_markdown(results())
    assert "| fast | 100 /s | 90 to 110 | bare: 100 | 1.00 | ≥ 0.9 |" in page
    assert re.search(r"\| late .*\*\*missed\*\*", page)
    assert "| broken | not measured | RuntimeError: 3 of 5 arrived |" in page
    assert "not measured" in line(FAILED)


def test_the_plot_is_one_that_can_be_drawn() -> None:
    """It is well-formed, and each curve has a line for what went through and two for its ages."""
    drawing = ET.fromstring(as_svg({"lean": CURVE, "aiohttp": CURVE}))  # noqa: S314 - ours
    lines = [each for each in drawing.iter() if each.tag.endswith("polyline")]
    assert len(lines) == 6
    assert all(len(each.attrib["points"].split()) == 3 for each in lines)


def test_everything_is_kept() -> None:
    """The JSON holds each value, its ratio and its curve."""
    kept = orjson.loads(orjson.dumps(results().as_json()))
    assert kept["figures"][0]["values"] == [90, 110, 100]
    assert [figure["held"] for figure in kept["figures"]] == [True, False, None]
    assert kept["curves"]["lean"][0]["p99_ms"] == 10 * 4


def test_the_machines_for_a_larger_load_follow_from_what_an_event_cost() -> None:
    """Cores are microseconds times events a second, and some more so that none is full; without a held load, none."""
    held = Figure(
        name="end to end, held for 120 s, lean", unit="/s", values=[2_000], cpu_us={"gateway": 300, "redis": 50, "x": 9}
    )
    found = {need.part: (need.cores, need.wanted) for need in needs([held])}
    assert found == {"gateway": (3.0, 5), "redis": (0.5, 1)}
    page = "\n".join(as_chapter([held, Figure(name="write-ahead log of an event", values=[2_000])]))
    assert "| gateway | 300 | 3.0 | 5 |" in page
    assert "2,000 bytes of an event × 10,000 = 19 MiB" in page
    assert needs([Figure(name="end to end, held for 120 s, lean", failed="no stage")]) == []
