"""Our operations in the words of NextGenPSD2, and its answers in ours. Pure."""

from adapters.berlin_group import requests
from adapters.berlin_group.answers import read_answer
from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.berlin_group.information.adapter import BerlinGroupAccounts
from adapters.contract import Adapter, Evidence, Instruction, NoNotifications, NoPayers
from adapters.contract.accounts import AccountAdapter
from adapters.declaration import OperationKind
from adapters.wire import WireReply, WireRequest


def adapter() -> Adapter:
    """The adapter of this folder."""
    return BerlinGroupAdapter()


def accounts() -> AccountAdapter:
    """The account adapter of this folder."""
    return BerlinGroupAccounts()


class BerlinGroupAdapter(NoPayers, NoNotifications):
    """The payments of the protocol. Its answers bring the payer's address themselves: we never make it."""

    declaration = BERLIN_GROUP

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        """The request. Raises ValueError for a kind that is not declared, or for what it needs and is not there."""
        match kind:
            case OperationKind.CONSENT:
                return requests.initiate(instruction)
            case OperationKind.AUTHORISE:
                return requests.start_authorisation(instruction)
            case OperationKind.ENQUIRE:
                return requests.enquire(instruction)
            case OperationKind.ENQUIRE_AUTHORISATION:
                return requests.enquire_authorisation(instruction)
            case OperationKind.CANCEL:
                return requests.cancel(instruction)
            case OperationKind.AUTHORISE_CANCEL:
                return requests.start_cancellation(instruction)
            case _:
                raise ValueError("this protocol has no such operation")

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        """What the answer proves; never raises."""
        return read_answer(kind, reply)
