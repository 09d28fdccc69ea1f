"""What differs from one bank of this standard to the next, as far as the simulated one can be told to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """The bank's own ways. The defaults are those of a bank that keeps everything that the standard recommends."""

    explicit: bool = True  # waits for the start of the authorisation where the client prefers that
    exempts: bool = False  # executes initiations without any authorisation
    decoupled: bool = False  # asks in its own app instead of the browser, where the client does not prefer redirects
    wants_signatures: bool = True
    signs_answers: bool = False
    cancels_at_once: bool = True  # else the payer has to approve a cancellation
    approves_after_seconds: float | None = None  # a payer who approves by themselves; None waits for the page
    pending_before_approval: bool = False  # says PDNG of what waits for its payer, where others say RCVD
    page_in_sca_status: bool = False  # tells the payer's page once more with the status of their authorisation
    takes_ipv6: bool = False  # of payers; the standard's file has IPv4 only
    consents_need_start: bool = False  # waits for the start of a consent's authorisation
    page_size: int = 3  # transactions on one page
    reads_a_day: int = 4  # unattended reads of one account in 24 hours
