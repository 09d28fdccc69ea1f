"""What an adapter is: a declaration and pure functions."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from adapters.contract.banks import BankSettings
from adapters.contract.evidence import Evidence, Notified, Receipt, Verdict
from adapters.contract.instructions import Instruction
from adapters.declaration import Declaration, OperationKind
from adapters.wire import WireReply, WireRequest


class Adapter(Protocol):
    """One bank protocol. All methods are pure; the parsing ones never raise, whatever the bank sent."""

    declaration: Declaration

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        """The exact request of this operation. Raises ValueError for a kind that is not declared."""
        ...

    def authorisation_url(self, instruction: Instruction, now: datetime) -> str:
        """Where the payer gives consent, for a bank whose answer did not bring it.

        It needs the consent's id and the handshake. Raises ValueError without them, or for a protocol without it.
        """
        ...

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        """What the answer to `reply.request` proves; what is not understood is Verdict.UNKNOWN."""
        ...

    def verify_notification(
        self, raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime
    ) -> Receipt:
        """Whether the bank sent these bytes. Header names are in lower case."""
        ...

    def parse_notification(self, raw: bytes) -> Notified:
        """What a verified notification says; what is not understood is Verdict.UNKNOWN."""
        ...


class NoPayers:
    """For the adapters of banks that no payer is sent to."""

    def authorisation_url(
        self,
        instruction: Instruction,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> str:
        """Raises ValueError: there is nowhere to go."""
        raise ValueError("no payer is sent to this bank")


class NoNotifications:
    """For the adapters of banks that send no notifications: whatever comes is not theirs."""

    def verify_notification(
        self,
        raw: bytes,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's
        settings: BankSettings,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> Receipt:
        """Never verified."""
        return Receipt(verified=False, dedupe_key=sha256(raw).digest(), refused_why="no_notifications")

    def parse_notification(self, raw: bytes) -> Notified:  # noqa: ARG002 - the port's
        """Says nothing."""
        return Notified(evidence=Evidence(verdict=Verdict.UNKNOWN))
