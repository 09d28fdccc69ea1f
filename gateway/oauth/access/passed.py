"""Who was let in, and what is still owed for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.oauth.dpop.proof import Proof
from gateway.oauth.scopes import Caller

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Passed:
    """The caller; with a proof that is still to be used up and what to tell its sender, where the token is bound."""

    caller: Caller
    proof: Proof | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
