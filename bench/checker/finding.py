"""The lines of the result, and how a person reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

_EXAMPLES_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A number with its name. `gate`: it must be 0, or the run failed. `examples` help to find out why."""

    name: str
    count: float
    gate: bool = False
    examples: tuple[str, ...] = ()
    unit: str = ""

    @property
    def held(self) -> bool:
        """Whether it is as it must be."""
        return not self.gate or self.count == 0

    @classmethod
    def zero(cls, name: str, found: Iterable[str]) -> Self:
        """Something of which there must be none."""
        wrong = tuple(found)
        return cls(name=name, count=len(wrong), gate=True, examples=wrong[:_EXAMPLES_MAX])


def as_text(findings: Sequence[Finding]) -> str:
    """One line each, with examples under what is not as it must be."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.name:<{width}}  {_number(finding):>12} {_judgement(finding)}".rstrip())
        if not finding.held:
            lines += [f"    {example}" for example in finding.examples]
    return "\n".join(lines)


def as_markdown(columns: Sequence[tuple[str, Sequence[Finding]]]) -> str:
    """One table: a row per finding, a column per run."""
    names = list(dict.fromkeys(finding.name for _, findings in columns for finding in findings))
    head = ["| | " + " | ".join(title for title, _ in columns) + " |", "|---|" + "---:|" * len(columns)]
    rows = [f"| {name} | " + " | ".join(_cell(name, findings) for _, findings in columns) + " |" for name in names]
    return "\n".join([*head, *rows])


def _cell(name: str, findings: Sequence[Finding]) -> str:
    finding = next((finding for finding in findings if finding.name == name), None)
    if finding is None:
        return ""
    number = _number(finding)
    if not finding.gate:
        return number
    return f"**{number}**" if finding.held else f"**{number} (must be 0)**"


def _number(finding: Finding) -> str:
    return f"{finding.count:g} {finding.unit}".rstrip()


def _judgement(finding: Finding) -> str:
    if not finding.gate:
        return ""
    return "ok" if finding.held else "MUST BE 0"
