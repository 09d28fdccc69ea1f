"""The header Prefer (RFC 7240): how long a caller is willing to wait for an answer."""

import re
from dataclasses import dataclass

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
    """What the Prefer headers ask for.

    Of a preference that is named more than once the first counts, and what is not understood is ignored, a wait that is
    no whole number of seconds as well (RFC 7240 §2).
    """
    parts = [part.partition(";")[0].strip() for value in values for part in value.lower().split(",")]
    wait = next((part for part in parts if part.partition("=")[0].strip() == "wait"), "")
    if (match := _WAIT.fullmatch(wait)) is not None:
        seconds = min(int(match.group(1)), policy.max_seconds)
        return Wait(seconds, f"wait={seconds:g}")
    return Wait(0, "respond-async") if "respond-async" in parts else Wait(policy.default_seconds)
