"""What a signing profile is. Profiles are pure: keys come with the bank's settings, the time with the call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from adapters.contract import BankSettings
from adapters.wire import WireReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Signable:
    """A call as it leaves: method, path with query, all headers but the signature's own, and the exact body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class SigningProfile(Protocol):
    """One way of signing. The settings that it needs are declared by the adapters that use it."""

    def headers(self, call: Signable, settings: BankSettings, now: datetime) -> dict[str, str]:
        """The headers that sign this call. Raises ValueError for settings that cannot sign."""
        ...

    def believes(self, reply: WireReply, settings: BankSettings, now: datetime) -> bool:
        """Whether the bank signed these bytes, in answer to `reply.request` as far as the signature covers that.

        A profile whose banks do not sign answers says True.
        """
        ...
