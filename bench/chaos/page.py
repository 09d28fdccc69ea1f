"""The page with the last result."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bench.chaos.options import Options
from bench.checker.finding import Finding, as_markdown
from bench.facts import commit, machine

_INTRODUCTION = """# The last chaos run

Written by `python -m bench.chaos`. A load generator publishes events and makes payments, and repeats each unanswered
request with its key; receivers behave well and badly; faults strike in clusters. Then a checker compares what was
acknowledged with what arrived, and what partners were told with the bank's books. Numbers in bold must be 0.
Times to recover count from the moment when what the fault took away was back, until every event of the next two seconds
was delivered within two seconds; faults that others followed too soon cannot be timed.
"""


def page(options: Options, results: Mapping[int, Sequence[Finding]]) -> str:
    """The whole page as Markdown."""
    held = all(finding.held for found in results.values() for finding in found)
    struck = sum(finding.count for found in results.values() for finding in found if finding.name == "faults")
    facts = [
        f"- Result: **{'all held' if held else 'FAILED'}**, {struck:g} faults",
        f"- When: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit `{commit()}`",
        f"- Load: {options.seconds:g} s a seed; a second {_load(options)}",
        f"- Machine: {machine()}",
        *(f"- Seed {seed} again: `{options.replay(seed)}`" for seed in results),
    ]
    table = as_markdown([(f"seed {seed}", found) for seed, found in results.items()])
    return "\n".join([_INTRODUCTION, *facts, "", table, "", *_examples(results)])


def _load(options: Options) -> str:
    return f"{options.events_per_second:g} events and {options.payments_per_second:g} payments"


def _examples(results: Mapping[int, Sequence[Finding]]) -> list[str]:
    wrong = [(seed, finding) for seed, found in results.items() for finding in found if not finding.held]
    lines = [f"- seed {seed}, {finding.name}: `{example}`" for seed, finding in wrong for example in finding.examples]
    return ["## What was not as it must be", "", *lines, ""] if lines else []
