"""The page of the long tier tells what was claimed, whether it held, and what was measured."""

from tests.support.long_page import Row, page


def _row(outcome: str, *figures: str) -> Row:
    name = "tests/integration/queue/test_costs.py::test_a_claim[1000]"
    return Row(name=name, claim="It is cheap.", outcome=outcome, seconds=12.3, figures=figures)


def test_what_held_stands_with_its_figures() -> None:
    """A row has the claim, the outcome and each figure."""
    text = page([_row("passed", "ratio (≤ 1.3): 1.1", "bytes: 77")])
    assert "**all held**, 1 tests" in text
    row = "| It is cheap. | passed, 12 s | ratio (≤ 1.3): 1.1<br>bytes: 77 | `test_costs::test_a_claim[1000]` |"
    assert row in text


def test_a_failure_is_told_first() -> None:
    """The page's result says how many failed."""
    assert "**1 FAILED**, 2 tests" in page([_row("passed"), _row("failed")])
