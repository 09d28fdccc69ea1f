"""docs/states.md, made from the tables that the code itself asks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from payments.states.derive import STATUSES_OF
from payments.states.moves import OPERATOR_MOVES, PAYMENT_MOVES, SUBMISSION_MOVES
from payments.states.names import FINAL_STATUSES, STATUS_SENTENCES, SUBMISSION_SENTENCES

_State = TypeVar("_State", bound=StrEnum)


def as_markdown() -> str:
    """The states of payments and submissions, and every allowed move, as two chapters of Markdown."""
    parts = [
        "## Payments",
        "What partners see. The status is derived from the state of the payment's last submission.",
        states_table(STATUS_SENTENCES, dict.fromkeys(FINAL_STATUSES, "yes"), "Ends"),
        "### Moves of payments",
        moves_table(PAYMENT_MOVES),
        "## Submissions",
        "One try of a payment at a bank. At most one of a payment is neither `rejected` nor `never_left`.",
        states_table(
            SUBMISSION_SENTENCES, {state: _codes(found) for state, found in STATUSES_OF.items()}, "Payment is"
        ),
        "### Moves of submissions",
        moves_table(SUBMISSION_MOVES),
        "### Moves that only two persons make",
        moves_table(OPERATOR_MOVES),
    ]
    return "\n\n".join(parts) + "\n"


def states_table(
    sentences: Mapping[_State, str], extra: Mapping[_State, str] | None = None, title: str | None = None
) -> str:
    """One row per state with its sentence, and a third column if it is given."""
    if extra is None:
        plain = [f"| `{state}` | {sentence} |" for state, sentence in sentences.items()]
        return "\n".join(["| State | Meaning |", "|---|---|", *plain])
    rows = [f"| `{state}` | {sentence} | {extra.get(state, '')} |" for state, sentence in sentences.items()]
    return "\n".join([f"| State | Meaning | {title} |", "|---|---|---|", *rows])


def moves_table(moves: Mapping[tuple[_State, _State], str]) -> str:
    """One row per allowed move with its sentence."""
    rows = [f"| `{origin}` | `{target}` | {sentence} |" for (origin, target), sentence in moves.items()]
    return "\n".join(["| From | To | When |", "|---|---|---|", *rows])


def _codes(states: tuple[StrEnum, ...]) -> str:
    return ", ".join(f"`{state}`" for state in states)
