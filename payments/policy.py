"""The room's settings. The composition root maps the installation's settings to these."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that may be moved in one currency, in minor units; None is no cap. A day is a day in UTC."""

    payment_max: int | None = None
    partner_day_max: int | None = None
    merchant_day_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsPolicy:
    """Times and bounds of payments; a bank's own times stand in its adapter's declaration."""

    # A planned operation that its own process has not begun by then is sent by the sweeper.
    planned_grace_seconds: float = 10
    # How long a sweeper keeps a payment for itself before another may take it.
    claim_seconds: float = 30
    # After "no byte left": when to submit again, the last delay repeats, and how many submissions there may be.
    resubmit_delays_seconds: tuple[float, ...] = (1, 2, 5, 10, 30, 60)
    submissions_max: int = 20
    # An unsent payment grows too old this long after its creation or its execution time.
    unsent_age_max_seconds: float = 86_400
    # An unknown outcome that no enquiry cleared is held for two persons after this long.
    unknown_age_max_seconds: float = 604_800
    # At most this many payments of one bank are worked on at once by one sweeper.
    bank_concurrency: int = 8
    # At most this many callers of one process wait for one bank; the others are answered 202 at once.
    waiting_per_bank_max: int = 200
    # A notification that matches no payment is tried again at these delays, the last repeats, until it is this old.
    notification_delays_seconds: tuple[float, ...] = (1, 5, 30, 300, 3_600)
    notification_age_max_seconds: float = 86_400
    notification_batch: int = 50
    # How old the knowledge of a bank's settings may be.
    bank_settings_age_max_seconds: float = 1.0
    # How long a payer is waited for, where the bank does not say.
    authorisation_seconds: float = 3_600
    # Where payers come back to us: the public address of the API.
    public_url: str = "http://127.0.0.1:8080"
    # By ISO 4217 code; a currency that is not listed has no caps.
    caps: Mapping[str, Caps] = field(default_factory=dict)

    def redirect_uri(self, bank_id: str) -> str:
        """Where the payers of a bank come back; a bank wants to know it before."""
        return f"{self.public_url}/banks/{bank_id}/callback"


def at_step(delays: tuple[float, ...], step: int) -> float:
    """The delay of a step (from 0); the last one repeats."""
    return delays[min(max(step, 0), len(delays) - 1)]
