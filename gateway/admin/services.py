"""What the admin API works with."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.admin.banks import BankBook
from gateway.admin.clients.book import OVERLAP_DEFAULT, ClientBook
from gateway.admin.journal import Journal
from gateway.admin.limits.changes import LimitChanges
from gateway.admin.parties import Parties
from gateway.admin.queue.view import QueueView
from gateway.admin.tokens.book import AdminTokens
from gateway.health import Health
from gateway.limits.gate import Gate
from gateway.oauth.signing.rotation import KeyRotation
from gateway.services import Services
from payments.operators.evidence import OperatorEvidence
from payments.operators.waiting import WaitingPayments


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminServices:
    """Built by the composition root.

    `public` is what the partners' routes work with, for those that an admin may call for a partner. `secret_overlap` is
    how long a client's secret outlives its successor where nobody says.
    """

    journal: Journal
    tokens: AdminTokens
    parties: Parties
    clients: ClientBook
    banks: BankBook
    evidence: OperatorEvidence
    waiting: WaitingPayments
    signing_keys: KeyRotation
    health: Health
    queue: QueueView
    gate: Gate
    public: Services
    limits: LimitChanges
    secret_overlap: timedelta = OVERLAP_DEFAULT
