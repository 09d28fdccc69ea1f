"""What two persons say about a payment: proposed by one, read and confirmed by another."""

from typing import Any
from uuid import UUID

from adapters.contract import Verdict
from gateway.admin.handlers import before, either, page_of
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from gateway.problems.errors import Unauthenticated
from gateway.schemas.pages import page
from kernel.ids import Environment, Kind, to_text
from payments.operators.proposals import Actor, Proposal, ProposalState, ProposalView, Proposed
from payments.operators.waiting import Waiting
from payments.view import rfc3339


async def list_waiting(services: AdminServices, call: Call) -> Reply:
    """Each with its partner, why it waits, and what its bank said."""
    found = await services.waiting.list(before(call, Kind.PAYMENT), call.query.limit)
    return page_of(call, [_waiting(each) for each in found])


async def propose_evidence(services: AdminServices, call: Call) -> Reply:
    """Nothing changes before another admin has confirmed it."""
    _, payment_id = either(call.path_text("payment_id"), Kind.PAYMENT)
    said = call.body
    proposal = Proposal(
        payment_id=payment_id, verdict=Verdict(said.verdict), note=said.note, bank_reference=said.bank_reference
    )
    proposed = await services.evidence.propose(proposal, await _actor(services, call))
    replaces = None if proposed.replaces is None else _proposal_id(proposed.replaces, proposed.environment)
    return Reply({**_proposed(proposed), "state": ProposalState.OPEN, "replaces": replaces})


async def list_evidence(services: AdminServices, call: Call) -> Reply:
    """With the notes opened: who confirms must have read them."""
    _, payment_id = either(call.path_text("payment_id"), Kind.PAYMENT)
    return Reply(page([_view(view) for view in await services.evidence.proposals(payment_id)], None))


async def confirm_evidence(services: AdminServices, call: Call) -> Reply:
    """By another person than the one who proposed it; the payment's state follows in the same transaction."""
    environment, payment_id = either(call.path_text("payment_id"), Kind.PAYMENT)
    proposal_id = call.path_id("proposal_id", Kind.PROPOSAL, environment)
    payment = await services.evidence.confirm(payment_id, proposal_id, await _actor(services, call))
    return Reply(payment.to_json())


async def _actor(services: AdminServices, call: Call) -> Actor:
    """Whoever made himself a second token is no second person."""
    if call.admin is None:
        raise Unauthenticated
    also = await services.tokens.of_person(call.admin.id)
    return Actor(id=call.admin.id, request_id=call.request_id, also=also)


def _waiting(waiting: Waiting) -> dict[str, Any]:
    shown = waiting.payment.to_json()
    return {
        **shown,
        "partner_id": to_text(Kind.PARTNER, waiting.partner_id),
        "needs_operator": list(waiting.codes),
        "exchanges_url": f"/admin/v1/payments/{shown['id']}/exchanges",
    }


def _proposal_id(identifier: UUID, environment: Environment) -> str:
    return to_text(Kind.PROPOSAL, identifier, environment)


def _proposed(proposed: Proposed) -> dict[str, Any]:
    return {
        "id": _proposal_id(proposed.id, proposed.environment),
        "object": "proposal",
        "payment_id": to_text(Kind.PAYMENT, proposed.payment_id, proposed.environment),
        "verdict": proposed.verdict,
        "bank_reference": proposed.bank_reference,
        "proposed_by": to_text(Kind.ADMIN_TOKEN, proposed.proposed_by),
        "proposed_at": rfc3339(proposed.proposed_at),
    }


def _view(view: ProposalView) -> dict[str, Any]:
    by, at = view.confirmed_by, view.confirmed_at
    return {
        **_proposed(view.proposed),
        "state": view.state,
        "note": view.note,
        "confirmed_by": None if by is None else to_text(Kind.ADMIN_TOKEN, by),
        "confirmed_at": None if at is None else rfc3339(at),
    }
