"""docs/states.md, made from the code: `make docs` writes it, tests/repository holds it."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from accounts.consents.states import CONSENT_MOVES, FINAL_STATES, STATE_SENTENCES, ConsentState
from adapters.declaration import OperationKind
from gateway.oauth.clients.methods import Method
from gateway.oauth.tokens.binding import TokenBinding
from kernel.ids import Activity, Environment
from payments.states.document import as_markdown as payments_as_markdown
from payments.states.document import moves_table, states_table
from payments.states.names import (
    AuthorisationPurpose,
    AuthorisationStatus,
    EvidenceSource,
    Finality,
    OperationState,
    PaymentStatus,
    SubmissionState,
)
from webhooks.sending.model import Cause
from webhooks.states import (
    DELIVERY_MOVES,
    DELIVERY_SENTENCES,
    ENDPOINT_MOVES,
    ENDPOINT_SENTENCES,
    REPLAY_MOVES,
    REPLAY_SENTENCES,
    DeliveryState,
    EndpointState,
    PayloadForm,
    ReplayState,
    SignatureScheme,
)

# Every enum of the schema, by its name there.
ENUMS: Mapping[str, type[StrEnum]] = {
    "environment": Environment,
    "activity": Activity,
    "client_authentication": Method,
    "payment_status": PaymentStatus,
    "submission_state": SubmissionState,
    "authorisation_status": AuthorisationStatus,
    "authorisation_purpose": AuthorisationPurpose,
    "finality": Finality,
    "operation_kind": OperationKind,
    "operation_state": OperationState,
    "evidence_source": EvidenceSource,
    "endpoint_state": EndpointState,
    "delivery_state": DeliveryState,
    "attempt_cause": Cause,
    "signature_scheme": SignatureScheme,
    "payload_form": PayloadForm,
    "replay_state": ReplayState,
    "token_binding": TokenBinding,
    "consent_status": ConsentState,
}
_PAGE = Path(__file__).resolve().parents[1] / "docs/states.md"
_INTRODUCTION = """# States

Made from the code by `make docs`. A move that does not stand here does not happen: evidence that asks for one is
stored and given to a person.
"""


def as_markdown() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION + "\n" + payments_as_markdown().rstrip(),
        "## Consents",
        "An account holder's consent to read accounts.",
        states_table(STATE_SENTENCES, dict.fromkeys(sorted(FINAL_STATES), "yes"), "Ends"),
        "### Moves of consents",
        moves_table(CONSENT_MOVES),
        "## Deliveries",
        states_table(DELIVERY_SENTENCES),
        "### Moves of deliveries",
        moves_table(DELIVERY_MOVES),
        "## Endpoints",
        states_table(ENDPOINT_SENTENCES),
        "### Moves of endpoints",
        moves_table(ENDPOINT_MOVES),
        "## Replays",
        states_table(REPLAY_SENTENCES),
        "### Moves of replays",
        moves_table(REPLAY_MOVES),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    _PAGE.write_text(as_markdown(), encoding="utf-8")
