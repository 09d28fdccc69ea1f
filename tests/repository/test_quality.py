"""What is claimed of an adapter is shown by tests that exist, and the page about adapters says what they declare."""

import ast
from pathlib import Path

import pytest

from adapters.catalogue.page import PAGE, as_markdown
from adapters.catalogue.quality import RULES, Claim, Status, WrongClaim, read
from adapters.registry import protocol_names
from tests.repository.source import ROOT

CLAIMS = [
    pytest.param(rule, claim, id=f"{name}-{rule}")
    for name in protocol_names()
    for rule, claim in read(ROOT / "adapters" / name).items()
]


@pytest.mark.parametrize("name", protocol_names())
def test_every_adapter_says_how_each_rule_stands(name: str) -> None:
    """No rule is passed over."""
    assert list(read(ROOT / "adapters" / name)) == list(RULES)


@pytest.mark.parametrize(("rule", "claim"), CLAIMS)
def test_a_claim_is_shown_by_tests_that_exist(rule: str, claim: Claim) -> None:
    """What is done names its tests, each a function of a file; what is exempt says why; what is open claims nothing."""
    assert bool(claim.tests) is (claim.status is Status.DONE), rule
    assert bool(claim.reason) is (claim.status is Status.EXEMPT), rule
    for each in claim.tests:
        path, _, function = each.partition("::")
        assert function.startswith("test_")
        assert function in functions(path), each


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[recorded]\nstatus = "finished"', "recorded: status is one of done, exempt, open"),
        ('[recordings]\nstatus = "done"', "there is no rule recordings; the rules are"),
        ('recorded = "done"', "recorded: a claim is a table of status, tests and reason"),
        ("[recorded", "quality.toml: "),
    ],
)
def test_what_is_no_claim_is_told_by_file_and_rule(tmp_path: Path, text: str, words: str) -> None:
    """One sentence, as `make docs` prints it."""
    (tmp_path / "quality.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WrongClaim) as told:
        read(tmp_path)
    assert str(told.value).startswith(f"{tmp_path}/quality.toml: ")
    assert words in str(told.value)


def functions(path: str) -> set[str]:
    """The names of all functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_about_adapters_is_the_generated_one() -> None:
    """docs/capabilities.md says what the declarations say; `make docs` writes it."""
    assert PAGE.read_text(encoding="utf-8") == as_markdown()
