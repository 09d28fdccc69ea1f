"""Asks the bank how it stands with a payer, where its word about the payment alone does not say.

No transaction is open meanwhile. What is read changes nothing at the bank, so a process that dies in between loses
nothing: the next enquiry asks again.
"""

from dataclasses import dataclass, replace

from adapters.contract import Answered, Evidence, Exchange, Outcome, Verdict
from adapters.declaration import OperationKind
from payments.calls.cases import Background
from payments.calls.operations import Call
from payments.intents.planning import Reference, instruct
from payments.states.payers import PayersWord, is_unclear, word_of
from payments.tools import Tools

# We begin few; of a payment that has more we learn nothing.
_AUTHORISATIONS_MAX = 8
_KIND = OperationKind.ENQUIRE_AUTHORISATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call brought: the bank's word, what it says of the payer where that was asked, and the further calls."""

    evidence: Evidence
    word: PayersWord | None = None
    exchanges: tuple[tuple[OperationKind, Exchange], ...] = ()


class PayerEnquiry:
    """One per process."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def understood(self, background: Background, call: Call, outcome: Outcome) -> Answer:
        """What the outcome of a call says, with what else had to be asked to understand it."""
        if not isinstance(outcome, Answered):
            return Answer(evidence=Evidence(verdict=Verdict.UNKNOWN))
        evidence = background.bank.adapter.parse(call.kind, outcome.reply)
        reference, can = call.reference, _KIND in background.bank.declaration.operations
        if reference is None or not can or not is_unclear(call.payer, evidence):
            return Answer(evidence=evidence)
        reading = _Reading(self._tools, background, reference)
        word = await reading.word()
        return Answer(evidence=evidence, word=word, exchanges=tuple((_KIND, each) for each in reading.exchanges))


class _Reading:
    """The list of the authorisations, then each of them; `exchanges` are the calls that were made."""

    def __init__(self, tools: Tools, background: Background, reference: Reference) -> None:
        self._tools = tools
        self._background = background
        self._reference = reference
        # So that all of them end before anybody else asks (payments/calls/operations.py, asking_until).
        self._until = tools.clock.monotonic() + background.bank.declaration.deadlines.total_seconds
        self.exchanges: list[Exchange] = []

    async def word(self) -> PayersWord | None:
        listed = (await self._ask(self._reference)).authorisation_ids
        if listed is None or len(listed) > _AUTHORISATIONS_MAX:
            return None
        return word_of([await self._ask(replace(self._reference, authorisation_id=each)) for each in listed])

    async def _ask(self, reference: Reference) -> Evidence:
        if self._tools.clock.monotonic() >= self._until:
            return Evidence(verdict=Verdict.UNKNOWN)
        bank = self._background.bank
        request = bank.adapter.build(_KIND, instruct(self._background.facts, bank, reference))
        outcome = await self._tools.engine.perform(bank.bank, request)
        self.exchanges.append(outcome.exchange)
        if not isinstance(outcome, Answered):
            return Evidence(verdict=Verdict.UNKNOWN)
        return bank.adapter.parse(_KIND, outcome.reply)
