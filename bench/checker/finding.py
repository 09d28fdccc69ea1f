"""One line of the result."""

from collections.abc import Iterable
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
