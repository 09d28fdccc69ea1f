"""Authorisations of payers (SCA), whatever they are for: begun by the client, ended by the payer."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class ScaStatus(StrEnum):
    """The states of an authorisation, as scaStatus says them."""

    STARTED = "started"
    FINALISED = "finalised"
    FAILED = "failed"
    EXEMPTED = "exempted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a payer is asked to approve: how the page tells it, and what their decision does."""

    sentence: str
    path: str  # where its authorisations stand in the interface
    approved: Callable[[], None]
    refused: Callable[[], None]
    is_open: Callable[[], bool]


@dataclass(slots=True, kw_only=True)
class Authorisation:
    """One of them; the addresses are where the payer's browser goes afterwards."""

    id: str
    subject: Subject
    decoupled: bool
    redirect_uri: str | None
    refused_uri: str | None
    status: ScaStatus = ScaStatus.STARTED

    @property
    def path(self) -> str:
        """Where it stands in the interface."""
        return f"{self.subject.path}/{self.id}"

    def decide(self, *, approve: bool) -> str | None:
        """The payer's decision, once; where their browser goes."""
        if self.status is ScaStatus.STARTED and self.subject.is_open():
            self.status = ScaStatus.FINALISED if approve else ScaStatus.FAILED
            act = self.subject.approved if approve else self.subject.refused
            act()
        if self.status is ScaStatus.FINALISED:
            return self.redirect_uri
        return self.refused_uri or self.redirect_uri


@dataclass(slots=True)
class Authorisations:
    """All of them, by id."""

    all: dict[str, Authorisation] = field(default_factory=dict)

    def begin(self, subject: Subject, *, decoupled: bool, uris: tuple[str | None, str | None]) -> Authorisation:
        """A new one; `uris` are the addresses for yes and for no."""
        begun = Authorisation(
            id=secrets.token_hex(12),
            subject=subject,
            decoupled=decoupled,
            redirect_uri=uris[0],
            refused_uri=uris[1],
        )
        self.all[begun.id] = begun
        return begun

    def of(self, path: str) -> list[Authorisation]:
        """Those that stand under this path."""
        return [each for each in self.all.values() if each.subject.path == path]

    def waiting(self) -> list[Authorisation]:
        """Those that a payer can still decide."""
        return [each for each in self.all.values() if each.status is ScaStatus.STARTED and each.subject.is_open()]
