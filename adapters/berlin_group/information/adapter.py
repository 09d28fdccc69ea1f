"""The account adapter of the protocol."""

from datetime import datetime

from adapters.berlin_group.information import answers, requests
from adapters.contract.accounts import Inquiry, Reading, ReadingKind
from adapters.wire import WireReply, WireRequest


class BerlinGroupAccounts:
    """Reads accounts under consents that their holders give in the bank's pages or its app."""

    def build(self, kind: ReadingKind, inquiry: Inquiry) -> WireRequest:
        """The request. Raises ValueError for a kind that the protocol has not, or for what is missing."""
        return requests.build(kind, inquiry)

    def parse(self, kind: ReadingKind, reply: WireReply) -> Reading:
        """What the answer brings; never raises."""
        return answers.read(kind, reply)

    def authorisation_url(
        self,
        inquiry: Inquiry,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> str:
        """Raises ValueError: the bank's answers bring it."""
        raise ValueError("this bank brings the holder's address itself")
