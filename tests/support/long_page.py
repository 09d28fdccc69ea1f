"""The page with the long tier's last result: what each test claims, whether it held, and the figures it measured.

A plugin for pytest (`-p tests.support.long_page --page PATH`). A test tells a figure by pytest's own `record_property`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.facts import commit, machine

_INTRODUCTION = """# The long tier's last run

Written by `make test-long`: tests that take minutes, on real servers of this machine. Their short forms are part of
`make test`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One test. `figures` are texts such as `p99 ratio: 0.9`."""

    name: str
    claim: str
    outcome: str
    seconds: float
    figures: tuple[str, ...]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the page is written to."""
    parser.addoption("--page", type=Path, required=True, help="the page that gets the result")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    config.pluginmanager.register(_Scribe(config.getoption("--page")), "long_page")


class _Scribe:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims: dict[str, str] = {}
        self._rows: list[Row] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            sentence = (getattr(getattr(item, "obj", None), "__doc__", None) or "").strip().splitlines()
            self._claims[item.nodeid] = sentence[0] if sentence else ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._rows.append(
                Row(
                    name=report.nodeid,
                    claim=self._claims.get(report.nodeid, ""),
                    outcome=report.outcome,
                    seconds=report.duration,
                    figures=tuple(f"{name}: {value}" for name, value in report.user_properties),
                )
            )

    def pytest_sessionfinish(self) -> None:
        if self._rows:
            self._path.write_text(page(self._rows), encoding="utf-8")


def page(rows: list[Row]) -> str:
    """The whole page as Markdown."""
    failed = sum(row.outcome == "failed" for row in rows)
    facts = [
        f"- Result: **{f'{failed} FAILED' if failed else 'all held'}**, {len(rows)} tests",
        f"- When: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit `{commit()}`",
        f"- Machine: {machine()}",
    ]
    table = ["| Claim | | Figures | Test |", "|---|---|---|---|", *(_line(row) for row in rows)]
    return "\n".join([_INTRODUCTION, *facts, "", *table, ""])


def _line(row: Row) -> str:
    figures = "<br>".join(row.figures).replace("|", "\\|")
    path, _, test = row.name.partition("::")
    return f"| {row.claim} | {row.outcome}, {row.seconds:.0f} s | {figures} | `{Path(path).stem}::{test}` |"
