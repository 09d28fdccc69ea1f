"""The room's settings. The composition root maps the installation's settings to these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsPolicy:
    """Times and bounds of consents and reads; a bank's own stand in its adapter's declaration."""

    # How long a new consent waits for its holder; a bank may say less.
    authorise_seconds: float = 3_600
    # The furthest that a consent may reach ahead (180 days: Regulation (EU) 2022/2360).
    valid_seconds_max: float = 180 * 86_400
    # After a call in vain: when to try again; the last delay repeats.
    retry_delays_seconds: tuple[float, ...] = (1, 5, 30, 300, 3_600)
    # How often a bank that brings no code is asked whether the holder has authorised a consent.
    check_delays_seconds: tuple[float, ...] = (2, 5, 10, 30, 60)
    # How long the payer's browser waits for the bank's access before it is sent on.
    return_wait_seconds: float = 10
    # Those and callers of one process that wait for one bank; the next ones are answered at once.
    waiting_per_bank_max: int = 200
    # How long POST and DELETE wait for the bank's word.
    ask_wait_seconds: float = 10
    # How long a sweeper keeps a consent for itself before another may take it.
    claim_seconds: float = 30
    # Consents of one bank that one sweeper works on at once.
    bank_concurrency: int = 4
    # Reads at one bank at once from one process, and how long others wait for their turn.
    reads_per_bank_max: int = 8
    read_wait_seconds: float = 2
    # Access is got anew so long before it ends.
    access_margin_seconds: float = 30
    # How long a read waits for another process that gets new access.
    access_wait_seconds: float = 10
    # How long a list of accounts is taken from our own rows.
    accounts_age_max_seconds: float = 86_400


def at_step(delays: tuple[float, ...], step: int) -> float:
    """The delay of a step (from 0); the last one repeats."""
    return delays[min(max(step, 0), len(delays) - 1)]
