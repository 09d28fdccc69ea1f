"""What every simulator offers to tests, to the chaos runs and to the sandbox."""

from dataclasses import dataclass, field
from typing import Protocol

from adapters.contract import BankSettings
from adapters.declaration import OperationKind
from adapters.simulation.faults import Fault
from kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the simulated bank is, in seconds."""

    settle_seconds: float = 0.5  # from accepted to settled
    complete_seconds: float = 0.5  # from settled to completed or returned
    pending_seconds: float = 0.5  # from received to accepted, where it is not accepted at once
    late_seconds: float = 2.0  # how late a late answer is; less than our deadlines
    hidden_seconds: float = 6.0  # how long a late commit or a stale replica hides a payment; more than our deadlines
    hang_seconds: float = 60.0  # how long an answer that never comes keeps its connection
    drip_seconds: float = 0.5  # between two bytes of a slow answer
    abandon_seconds: float = 900.0  # how long what needs a payer waits for one before the bank ends it


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Where the simulator listens, and whom it notifies; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    pace: Pace = field(default_factory=Pace)
    callback_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One payment that the bank really made or is making: what the checker counts."""

    bank_reference: str
    end_to_end_id: str
    amount: Money
    status: str
    moved_money: bool


class Simulator(Protocol):
    """A running simulated bank.

    Where it sends payers to a page, that page is one HTML form whose buttons are named `decision` with the values
    `approve` and `refuse`, and it answers the form by sending the browser back.
    """

    settings: BankSettings  # what an admin would enter to reach it
    faults: frozenset[Fault]  # what it can be told to do

    def plan(self, fault: Fault, kind: OperationKind = OperationKind.SUBMIT, times: int = 1) -> None:
        """Let the next requests of this kind meet the fault."""
        ...

    def booked(self) -> tuple[Booked, ...]:
        """The bank's books."""
        ...

    async def close(self) -> None:
        """Stop serving; connections that hang are dropped."""
        ...
