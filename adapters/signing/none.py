"""No signatures: the connection and the credentials prove who speaks."""

from datetime import datetime

from adapters.contract import BankSettings
from adapters.signing.profile import Signable, SigningProfile
from adapters.wire import WireReply


def profile() -> SigningProfile:
    """The profile of this module."""
    return Unsigned()


class Unsigned:
    """Adds nothing and believes every answer."""

    def headers(
        self,
        call: Signable,  # noqa: ARG002 - the port's
        settings: BankSettings,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> dict[str, str]:
        """None."""
        return {}

    def believes(
        self,
        reply: WireReply,  # noqa: ARG002 - the port's
        settings: BankSettings,  # noqa: ARG002 - the port's
        now: datetime,  # noqa: ARG002 - the port's
    ) -> bool:
        """True."""
        return True
