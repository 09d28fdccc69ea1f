"""Ends a call whose case is known: one statement and the event, guarded by what was known."""

from adapters.contract import Answered, Evidence, Outcome, Verdict
from kernel.ids import new_id
from kernel.sql import beside
from payments.calls.cases import Case
from payments.calls.ledger import Ledger, Recorded
from payments.carrying.carried import Asker, Carried
from payments.exchanges.keeping import exchange_values
from payments.intents.request_keys import CREATED
from payments.reading.build import build_view
from payments.states.cleaning import clean
from payments.states.decide import Change, Hearing, decide
from payments.states.names import EvidenceSource, OperationState
from payments.tools import Tools

_SQL = beside(__file__, "finish.sql")
_SILENT = frozenset({Verdict.UNKNOWN, Verdict.NOT_FOUND})


class _Overtaken(Exception):
    """The payment is not as it was known."""


class KnownEnds:
    """The usual end: the bank answered, and its word changes the payment."""

    def __init__(self, tools: Tools, ledger: Ledger) -> None:
        self._tools = tools
        self._ledger = ledger

    async def finish(self, carried: Carried, asker: Asker, outcome: Outcome) -> Recorded | None:
        """Write what the answer changes, with the code of the first answer where the asker still listens.

        None, and nothing written, where there is no such answer or where something else has happened meanwhile.
        """
        evidence = _word(carried, outcome)
        if evidence is None:
            return None
        change = decide(carried.case.standing, evidence, Hearing(source=EvidenceSource.RESPONSE))
        if not isinstance(change, Change):
            return None
        after = self._ledger.after(carried.case, change, evidence)
        values = await self._values(carried, after, evidence, outcome)
        asker.promised = asker.listens
        try:
            recorded = await self._write(carried, after, values, asker)
        except _Overtaken:
            asker.promised = False
            return None
        if asker.promised:
            asker.view = build_view(after.payment, after.background.facts.terms, after.background.bank.declaration)
        return recorded

    async def _write(self, carried: Carried, after: Case, values: tuple[object, ...], asker: Asker) -> Recorded:
        code = CREATED if asker.promised else None
        async with self._tools.pool.acquire() as connection, connection.transaction():
            ended = await connection.fetchval(
                _SQL["finish"],
                *values,
                after.payment.tenant.environment.value,
                code,
                asker.keyed.key_digest,
                carried.call.kind.value,
            )
            if ended != 1:
                raise _Overtaken
            news = after.payment.status is not carried.case.payment.status
            jobs = await self._ledger.tell(connection, after) if news else ()
        return Recorded(case=after, jobs=jobs)

    async def _values(self, carried: Carried, after: Case, evidence: Evidence, outcome: Outcome) -> tuple[object, ...]:
        """$1 to $29."""
        payment, submission, now = after.payment, after.submission, after.payment.updated_at
        return (
            payment.tenant.partner_id,
            payment.id,
            carried.case.payment.version,
            payment.status.value,
            payment.iso_status,
            payment.raw_status,
            payment.reason,
            payment.finality.value,
            payment.next_check_at,
            payment.checks,
            now,
            submission.id,
            submission.state.value,
            submission.bank_reference,
            carried.call.operation.id,
            carried.call.lease,
            OperationState.ANSWERED.value,
            *await exchange_values(self._tools, after, outcome.exchange),
            new_id(now),
            evidence.verdict.value,
            evidence.raw_code,
            evidence.iso_code,
            evidence.reason.value if evidence.reason else None,
            evidence.at or now,
        )


def _word(carried: Carried, outcome: Outcome) -> Evidence | None:
    """What the bank said, where it said something; a refusal by a chosen bank may lead to another one."""
    if not isinstance(outcome, Answered):
        return None
    bank = carried.case.background.bank
    evidence = clean(bank.adapter.parse(carried.call.kind, outcome.reply))
    if evidence.verdict is Verdict.REJECTED and carried.case.background.facts.terms.routing is not None:
        return None
    return None if evidence.verdict in _SILENT else evidence
