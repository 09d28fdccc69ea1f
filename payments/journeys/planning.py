"""Plans the later operations of a journey, with the exact bytes that the bank is to get."""

from dataclasses import replace

from adapters.contract import Handshake
from adapters.declaration import OperationKind
from payments.calls import operations
from payments.calls.cases import Case
from payments.intents.planning import Reference, plan_operation
from payments.journeys import authorisations
from payments.tools import Connection, Tools


class JourneyPlanner:
    """Writes in the caller's transaction, whose payment is locked."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def plan(self, connection: Connection, case: Case, kind: OperationKind) -> Case:
        """The case with this as its newest operation.

        Raises ValueError where the protocol lacks something for it; the transaction is then to be given up.
        """
        background = case.background
        reference, sequence = await self.reference(case), case.operation.sequence + 1
        planned = plan_operation(kind, background.facts, background.bank, reference, sequence)
        return await operations.add(connection, self._tools, case, planned)

    async def plan_next(self, connection: Connection, case: Case) -> Case:
        """The case with the operation after its newest one. Raises RuntimeError where the journey ends with that."""
        kind = next_kind(case)
        if kind is None:
            raise RuntimeError("a journey ends before the operation that arms it")
        return await self.plan(connection, case, kind)

    async def reference(self, case: Case) -> Reference:
        """By what the bank knows the submission, with what binds its payer to it."""
        return replace(case.reference, handshake=await self._handshake(case))

    async def _handshake(self, case: Case) -> Handshake | None:
        if case.authorisation is None:
            return None
        partner_id = case.payment.tenant.partner_id
        return (await authorisations.open_invitation(self._tools.vault, partner_id, case.authorisation)).handshake


def next_kind(case: Case) -> OperationKind | None:
    """What follows in the journey. What the payer has today says nothing of a payment that the bank keeps for later."""
    declaration = case.background.bank.declaration
    kind = declaration.follows(case.operation.kind)
    is_for_later = declaration.schedules and case.payment.execute_at is not None
    return declaration.arms if is_for_later and kind is OperationKind.CONFIRM_FUNDS else kind
