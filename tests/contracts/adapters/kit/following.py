"""One payment on its way through its bank's journey to an end: what payments/recovery decides, in miniature."""

import asyncio
from dataclasses import dataclass, field, replace
from uuid import uuid4

from adapters.contract import Evidence, Instruction, NeverLeft, Verdict
from adapters.declaration import OperationKind, Recovery
from tests.contracts.adapters.kit.harness import House, learned

POLL_SECONDS = 0.05
TRIES_MAX = 5
ENDS = frozenset({Verdict.REJECTED, Verdict.COMPLETED, Verdict.RETURNED, Verdict.CANCELLED})
NOTHING = Evidence(verdict=Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """After how long "not found" proves that there is nothing, and when a payment counts as unresolved."""

    absence_proven_after_seconds: float = 1.6
    give_up_seconds: float = 9.0


@dataclass(slots=True, kw_only=True)
class Ending:
    """How one payment ended, and what was believed on the way; without a verdict, nothing was sent that arms it."""

    verdict: Verdict | None
    believed: list[Evidence]
    sends: int


async def pay(house: House, instruction: Instruction, strategy: Recovery, patience: Patience = Patience()) -> Ending:
    """Go through the journey, recover what arms by the strategy, and follow the payment to its end."""
    following = _Following(house=house, instruction=instruction, strategy=strategy, patience=patience)
    return await following.to_the_end()


@dataclass(slots=True, kw_only=True)
class _Following:
    house: House
    instruction: Instruction
    strategy: Recovery
    patience: Patience
    believed: list[Evidence] = field(default_factory=list)
    sends: int = 0
    last_sent_at: float = 0.0

    async def to_the_end(self) -> Ending:
        for kind in self.house.declared.journey[: self.house.declared.journey.index(self.house.arms)]:
            evidence = await self._before(kind)
            if kind is OperationKind.CONFIRM_FUNDS and evidence.verdict is Verdict.UNKNOWN:
                continue
            if evidence.verdict in {Verdict.REJECTED, Verdict.UNKNOWN}:
                verdict = Verdict.REJECTED if evidence.verdict is Verdict.REJECTED else None
                return Ending(verdict=verdict, believed=[], sends=0)
        return await self._armed()

    async def _before(self, kind: OperationKind) -> Evidence:
        """What is lost before money may move costs another try; a code is exchanged once, and then it is burnt.

        Funds are asked for once too, and what is no plain "no" lets the payment go on.
        """
        once = kind is self.house.declared.after_return
        if once:
            self.instruction = await self.house.returned(self.instruction, None)
        for _ in range(TRIES_MAX):
            outcome, evidence = await self.house.send(kind, self.instruction)
            if evidence.verdict is not Verdict.UNKNOWN:
                self.instruction = learned(self.instruction, evidence)
                return evidence
            if kind is OperationKind.CONFIRM_FUNDS or (once and not isinstance(outcome, NeverLeft)):
                break
            self.instruction = replace(self.instruction, idempotency_key=uuid4().hex[:26])
            await asyncio.sleep(POLL_SECONDS)
        return NOTHING

    async def _armed(self) -> Ending:
        sealed = self.house.adapter.build(self.house.arms, self.instruction).to_bytes()
        evidence = await self._submit(sealed)
        if evidence.verdict is Verdict.NEEDS_AUTHORISATION:
            await self.house.returned(self.instruction, evidence)
        until = _now() + self.patience.give_up_seconds
        while evidence.verdict not in ENDS and _now() < until:
            await asyncio.sleep(POLL_SECONDS)
            evidence = await self._look_again(sealed, evidence)
        return Ending(verdict=evidence.verdict, believed=self.believed, sends=self.sends)

    async def _submit(self, sealed: bytes) -> Evidence:
        for _ in range(100):
            outcome, evidence = await self.house.resend(self.house.arms, sealed, self.instruction)
            if not isinstance(outcome, NeverLeft):
                break
            await asyncio.sleep(POLL_SECONDS)
        self.sends += 1
        self.last_sent_at = _now()
        return self._believe(evidence)

    async def _look_again(self, sealed: bytes, evidence: Evidence) -> Evidence:
        if evidence.verdict is Verdict.UNKNOWN and self.strategy is Recovery.RESEND and not self.believed:
            return await self._submit(sealed)
        _, told = await self.house.send(OperationKind.ENQUIRE, self.instruction)
        if told.verdict is Verdict.NOT_FOUND:
            return self._absent()
        return self._believe(told)

    def _absent(self) -> Evidence:
        proven = _now() - self.last_sent_at >= self.patience.absence_proven_after_seconds
        return self._believe(Evidence(verdict=Verdict.REJECTED if proven else Verdict.UNKNOWN))

    def _believe(self, evidence: Evidence) -> Evidence:
        if evidence.verdict not in {Verdict.UNKNOWN, Verdict.NOT_FOUND}:
            self.believed.append(evidence)
            self.instruction = learned(self.instruction, evidence)
        return evidence


def _now() -> float:
    return asyncio.get_running_loop().time()
