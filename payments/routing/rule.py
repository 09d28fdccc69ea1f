"""What a partner wants of the bank that is chosen, and what was decided. Values only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapters.declaration import OperationKind, Rail


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`banks` are the only ones that may be used, the earlier the better; without them any may.

    The bank must pay by the `rail`, and have the operations that the partner `needs`. With `same_day` its cut-off must
    not have passed.
    """

    banks: tuple[str, ...] = ()
    rail: Rail | None = None
    needs: frozenset[OperationKind] = frozenset()
    same_day: bool = False

    def to_json(self) -> dict[str, Any]:
        """The rule as it counts for whether two requests are the same."""
        return {
            "banks": list(self.banks),
            "rail": self.rail,
            "needs": sorted(self.needs),
            "same_day": self.same_day,
        }


class Why(StrEnum):
    """Reasons for and against a bank; those of the first block exclude it."""

    SUSPENDED = "suspended"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    ACCOUNT_NOT_SUPPORTED = "account_not_supported"
    FIELD_NOT_ACCEPTED = "field_not_accepted"
    RAIL_NOT_SUPPORTED = "rail_not_supported"
    OPERATION_NOT_SUPPORTED = "operation_not_supported"
    RETURN_URL_NEEDED = "return_url_needed"
    AFTER_CUT_OFF_EXCLUDED = "after_cut_off_not_wanted"

    HEALTHY = "healthy"
    NOT_KNOWN_TO_FAIL = "not_known_to_fail"
    FAILING = "failing"
    PAUSED = "paused"
    AFTER_CUT_OFF = "after_cut_off"
    PREFERRED = "preferred"
    LESS_PREFERRED = "less_preferred"


EXCLUDING = frozenset(
    {
        Why.SUSPENDED,
        Why.CURRENCY_NOT_SUPPORTED,
        Why.AMOUNT_OUT_OF_RANGE,
        Why.ACCOUNT_NOT_SUPPORTED,
        Why.FIELD_NOT_ACCEPTED,
        Why.RAIL_NOT_SUPPORTED,
        Why.OPERATION_NOT_SUPPORTED,
        Why.RETURN_URL_NEEDED,
        Why.AFTER_CUT_OFF_EXCLUDED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One bank and what spoke for or against it; `fields` are JSON Pointers of those that it does not accept."""

    bank_id: str
    reasons: tuple[Why, ...]
    fields: tuple[str, ...] = ()

    @property
    def eligible(self) -> bool:
        """Whether nothing excludes it."""
        return EXCLUDING.isdisjoint(self.reasons)

    def to_json(self) -> dict[str, Any]:
        """As partners read it."""
        told = {"bank_id": self.bank_id, "eligible": self.eligible, "reasons": list(self.reasons)}
        return {**told, "fields": list(self.fields)} if self.fields else told

    def sentence(self) -> str:
        """The bank with its reasons, for people."""
        named = f"{Why.FIELD_NOT_ACCEPTED} ({', '.join(self.fields)})" if self.fields else Why.FIELD_NOT_ACCEPTED
        return f"{self.bank_id}: {', '.join(named if why is Why.FIELD_NOT_ACCEPTED else why for why in self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The banks in the order in which they would be taken: the eligible ones first, the best at the front."""

    considered: tuple[Considered, ...]

    @property
    def chosen(self) -> str | None:
        """The bank, or None where none is eligible."""
        return next((each.bank_id for each in self.considered if each.eligible), None)

    def to_json(self) -> dict[str, Any]:
        """As partners read it; it is kept with the payment's terms."""
        return {"bank_id": self.chosen, "considered": [each.to_json() for each in self.considered]}

    def sentence(self) -> str:
        """Every bank with its reasons, for people."""
        told = "; ".join(each.sentence() for each in self.considered)
        return told or "there is no bank that may be used"
