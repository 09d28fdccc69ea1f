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

    async def reference(self, case: Case) -> Reference:
        """By what the bank knows the submission, with what binds its payer to it."""
        return replace(case.reference, handshake=await self._handshake(case))

    async def _handshake(self, case: Case) -> Handshake | None:
        if case.authorisation is None:
            return None
        partner_id = case.payment.tenant.partner_id
        return (await authorisations.open_invitation(self._tools.vault, partner_id, case.authorisation)).handshake
