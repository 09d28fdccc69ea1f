"""The header Prefer (RFC 7240): how long a caller is willing to wait for an answer."""

import re
from dataclasses import dataclass

from kernel.errors import FieldError, Invalid

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,4})\"?")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """How long a payment request waits for the bank by default, and the longest that it may ask for."""

    default_seconds: float = 10
    max_seconds: float = 30


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds to wait, and what the answer says of it (Preference-Applied)."""

    seconds: float
    applied: str | None = None


def wait_of(values: list[str], policy: WaitPolicy) -> Wait:
    """What the Prefer headers ask for; other preferences are ignored, as RFC 7240 §2 wants.

    Raises Invalid for a wait that is no whole number of seconds.
    """
    preferences = [part.strip() for value in values for part in value.lower().split(",")]
    names = {part.partition(";")[0].strip() for part in preferences}
    asked = [name for name in names if name.partition("=")[0].strip() == "wait"]
    if asked:
        return _asked(asked, policy)
    return Wait(0, "respond-async") if "respond-async" in names else Wait(policy.default_seconds)


def _asked(asked: list[str], policy: WaitPolicy) -> Wait:
    matches = [_WAIT.fullmatch(name) for name in asked]
    if len(matches) > 1 or matches[0] is None:
        message = f"Expected one wait=n with whole seconds; more than {policy.max_seconds:g} are cut."
        raise Invalid([FieldError(pointer="/headers/Prefer", code="format", message=message)])
    seconds = min(int(matches[0].group(1)), policy.max_seconds)
    return Wait(seconds, f"wait={seconds:g}")
