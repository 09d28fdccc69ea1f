"""What is claimed of each adapter, in its `quality.toml`: a rule is done, with the tests that show it, or is not.

tests/repository/test_quality.py holds that every test that a claim names exists.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RULES: Mapping[str, str] = {
    "garbage-proves-nothing": "Whatever a bank sends, parsing never raises and takes it for no payment and no refusal.",
    "recorded": "Every request is recorded and built byte for byte; so is what each kind of answer is read as.",
    "one-fault": "Under each fault one payment is made or none, and none that was made is called rejected.",
    "seeded-faults": "Of two thousand payments under seeded faults none is made twice, falsely rejected or left open.",
    "amounts": "Amounts go out and come back exactly, and a wrong echo is not believed.",
    "tables": "Every code of the protocol maps; an unknown one is kept and never taken for a rejection.",
    "official-file": "What is sent, and what the simulator answers, is valid by the protocol's official file.",
    "signatures": "Requests are signed as the protocol says, and answers that have to be signed are verified.",
    "payers": "A payer who refuses pays nothing, and one who comes back twice pays once.",
    "cancellation": "A cancelled payment moves no money, and only the bank's word says that it is cancelled.",
    "notifications": "Only the bank's own notifications are believed, each once.",
    "accounts": "Accounts, balances and transactions are read under consents, page by page.",
}


class Status(StrEnum):
    """How a rule stands."""

    DONE = "done"
    EXEMPT = "exempt"  # The protocol has nothing that the rule could be about.
    OPEN = "open"


class WrongClaim(ValueError):
    """A quality.toml that claims what cannot be claimed; its words name the file and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is claimed by one rule: tests as `path::function` where it is done, a reason where it is exempt."""

    status: Status
    tests: tuple[str, ...] = ()
    reason: str = ""


def read(folder: Path) -> Mapping[str, Claim]:
    """The claims of a protocol's folder by rule. Raises WrongClaim for what is none, OSError without a file."""
    file = folder / "quality.toml"
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return {rule: _claim(rule, told) for rule, told in raw.items()}
    except ValueError as error:
        raise WrongClaim(f"{file}: {error}") from None


def _claim(rule: str, told: object) -> Claim:
    if rule not in RULES:
        raise ValueError(f"there is no rule {rule}; the rules are {', '.join(RULES)}")
    if not isinstance(told, dict) or told.keys() - {"status", "tests", "reason"}:
        raise ValueError(f"{rule}: a claim is a table of status, tests and reason")
    status, tests = told.get("status"), told.get("tests", [])
    if status not in tuple(Status):
        raise ValueError(f"{rule}: status is one of {', '.join(Status)}")
    listed = tests if isinstance(tests, list) else [tests]
    return Claim(status=Status(status), tests=tuple(str(each) for each in listed), reason=str(told.get("reason", "")))
