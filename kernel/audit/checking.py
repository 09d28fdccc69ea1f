"""Whether a chain and its signed heads agree, and where they do not. No I/O.

An entry whose hash is not that of what it holds was changed. One that is intact but does not follow the entry before it
stands in the wrong place, or what stood before it was replaced. A place without an entry is a gap. Whoever computes all
hashes anew is found by the next signed head, and the fault then lies after the last head that agrees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kernel.audit.head import Head, digest_of, verified
from kernel.audit.links import Link, Mark

# An entry is dated when its transaction begins. A head signed so much later than that holds it.
_TRANSACTION_MAX = timedelta(hours=1)


class Fault(StrEnum):
    """What can be wrong; the value is what programs see."""

    CHANGED = "changed"  # An entry is not what was chained.
    OUT_OF_PLACE = "out_of_place"  # An entry does not follow the one before it.
    MISSING = "missing"  # Places without an entry.
    TAIL_MISSING = "tail_missing"  # The chain ends before a signed head.
    REBUILT = "rebuilt"  # Hashes were computed anew: a signed head names another one.
    BACKDATED = "backdated"  # An entry claims a time at which a signed head did not hold it.
    UNCHAINED = "unchained"  # An entry was not chained for too long, or was taken out of the chain.
    HEAD_FALSE = "head_false"  # A head was not signed here, or stands under another day or position.
    HEAD_MISSING = "head_missing"  # A head names an earlier one that is not there, or there is none at all.
    HEAD_OLD = "head_old"  # No head was signed for too long: the worker is away, or the newest ones were removed.
    UNEXPECTED = "unexpected"  # The chain does not hold a mark that was kept elsewhere.


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault and where it is: places of the chain, the entry's id, or the day of a head."""

    fault: Fault
    first: int | None = None
    last: int | None = None
    entry_id: str | None = None
    day: str | None = None


def read_heads(
    rows: Iterable[Mapping[str, object]], keys: Mapping[str, Ed25519PublicKey]
) -> tuple[list[Head], list[Finding]]:
    """The heads that are to be believed, oldest first, and what is wrong with the others."""
    heads: list[Head] = []
    findings: list[Finding] = []
    before: str | None = None
    for row in rows:
        day, document = str(row["day"]), str(row["document"])
        try:
            head = verified(document, keys)
        except ValueError:
            head = None
        if head is None or (head.day, head.mark.position) != (day, row["position"]):
            findings.append(Finding(fault=Fault.HEAD_FALSE, day=day))
        else:
            if head.previous != (None if before is None else digest_of(before)):
                findings.append(Finding(fault=Fault.HEAD_MISSING, day=day))
            heads.append(head)
        before = document
    return heads, findings


class ChainCheck:
    """Takes the entries in the order of their places and compares them with the heads and other marks to be met."""

    def __init__(self, start: Mark, heads: Sequence[Head], expected: Mark | None = None) -> None:
        self.end = start
        self.entries = 0
        self._findings: list[Finding] = []
        self._heads = [head for head in heads if head.mark.position >= start.position]
        self._expected = expected
        self._agreed = start.position
        self._passed: datetime | None = None
        if start.position:
            self._meet(start)

    def add(self, link: Link) -> None:
        """The next entry."""
        if not link.is_intact:
            self._note(Fault.CHANGED, link)
        if link.position > self.end.position + 1:
            self._miss(Fault.MISSING, link.position - 1)
        elif link.position <= self.end.position or link.previous != self.end.hash:
            self._note(Fault.OUT_OF_PLACE, link)
        elif self._is_backdated(link):
            self._note(Fault.BACKDATED, link)
        self.end = Mark(link.position, link.hash)
        self.entries += 1
        self._meet(self.end)

    def findings(self) -> list[Finding]:
        """All of them, after the last entry; neighbours with the same fault are one."""
        last = max([head.mark.position for head in self._heads] + [self.end.position])
        if last > self.end.position:
            self._miss(Fault.TAIL_MISSING, last)
        if self._expected and self._expected.position > self.end.position:
            self._findings.append(_at(Fault.UNEXPECTED, self._expected.position))
        return _joined(self._findings)

    def _meet(self, mark: Mark) -> None:
        """Compare with the heads that name this place."""
        if self._expected and self._expected.position == mark.position and self._expected != mark:
            self._findings.append(_at(Fault.UNEXPECTED, mark.position))
        while self._heads and self._heads[0].mark.position <= mark.position:
            head = self._heads.pop(0)
            if head.mark == mark:
                self._agreed = mark.position
            elif head.mark.position == mark.position:
                self._findings.append(Finding(fault=Fault.REBUILT, first=self._agreed + 1, last=mark.position))
            self._passed = datetime.fromisoformat(head.signed_at)

    def _is_backdated(self, link: Link) -> bool:
        """Whether it claims a time long before a head that was signed without it."""
        try:
            at = datetime.fromisoformat(link.content["at"] or "")
        except ValueError:
            return False
        return self._passed is not None and at < self._passed - _TRANSACTION_MAX

    def _note(self, fault: Fault, link: Link) -> None:
        self._findings.append(replace(_at(fault, link.position), entry_id=link.content["id"]))

    def _miss(self, fault: Fault, last: int) -> None:
        self._findings.append(Finding(fault=fault, first=self.end.position + 1, last=last))


def _at(fault: Fault, position: int) -> Finding:
    return Finding(fault=fault, first=position, last=position)


def _joined(findings: Sequence[Finding]) -> list[Finding]:
    joined: list[Finding] = []
    for finding in findings:
        before = joined[-1] if joined else None
        if before and before.fault is finding.fault and before.last is not None and finding.first == before.last + 1:
            joined[-1] = Finding(fault=finding.fault, first=before.first, last=finding.last)
        else:
            joined.append(finding)
    return joined
