"""Event types, and the patterns with which an endpoint chooses among them.

A type is dotted identifiers (Standard Webhooks 1.0.0: `[a-zA-Z0-9_]`): `payment.settled`. A pattern is a type, a type's
beginning with `.*` (`payment.*` is everything below payment), or `*`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

EVERYTHING = "*"
TYPE_LENGTH_MAX = 128
_BELOW = ".*"
_TYPE = re.compile(r"[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*")


@lru_cache(maxsize=1_024)  # there are few, and each event asks for its own
def is_event_type(text: str) -> bool:
    """Whether this may be an event's type."""
    return len(text) <= TYPE_LENGTH_MAX and _TYPE.fullmatch(text) is not None


def is_pattern(text: str) -> bool:
    """Whether this may stand in an endpoint's event types."""
    return text == EVERYTHING or is_event_type(text.removesuffix(_BELOW))


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFilter:
    """Patterns, prepared for matching."""

    everything: bool
    exact: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "TypeFilter":
        """Valid patterns (`is_pattern`); none matches nothing."""
        given = frozenset(patterns)
        below = frozenset(pattern for pattern in given if pattern.endswith(_BELOW))
        return cls(
            everything=EVERYTHING in given,
            exact=given - below - {EVERYTHING},
            beginnings=tuple(sorted(pattern.removesuffix("*") for pattern in below)),
        )

    def matches(self, event_type: str) -> bool:
        """Whether one of the patterns holds for the type."""
        return self.everything or event_type in self.exact or event_type.startswith(self.beginnings)
