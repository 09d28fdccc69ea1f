"""Templates and paths of target files."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.target import RunFile, Target, fill, pick


def test_a_template_that_is_a_name_becomes_the_value_itself() -> None:
    """Numbers stay numbers, nothing becomes null, and names inside a text are replaced."""
    values = {"amount": 5, "key": "k1", "chain": None}
    template = {"value": "$amount", "ids": ["$key", "x-$key"], "chain": "$chain", "ok": True}
    assert fill(template, values) == {"value": 5, "ids": ["k1", "x-k1"], "chain": None, "ok": True}


def test_a_name_without_value_is_refused() -> None:
    """A mistyped name is an error, never an empty text."""
    with pytest.raises(KeyError):
        fill("$nobody", {})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}, {"b": 2}]}),
        ("a.1.b", 2),
        ("a.*.b", [1, 2]),
        ("a.7.b", None),
        ("c.d", None),
    ],
)
def test_paths_lead_into_answers(path: str, found: object) -> None:
    """A dotted path gives what stands there, all of a list with a star, and None where there is nothing."""
    assert pick({"a": [{"b": 1}, {"b": 2}]}, path) == found


def test_the_default_target_is_complete() -> None:
    """The file that comes with the tools can be read, and every weighted amount has a value."""
    target = Target.load()
    assert target.payments is not None
    assert set(target.payments.weights) <= set(target.payments.amounts)


def test_a_target_with_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    """A mistyped setting is an error, never ignored."""
    path = tmp_path / "target.toml"
    path.write_text("nonsense = 1\n" + Path("bench/targets/threadneedle.toml").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError):
        Target.load(path)


def test_a_run_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    """While the system is not running its run file is empty, not an error."""
    assert RunFile(tmp_path / "run.json").read() == {}
