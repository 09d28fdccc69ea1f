"""The admin port's routes: one table."""

from gateway.admin import evidence
from gateway.admin import handlers as do
from gateway.admin.clients.routes import CLIENT_ROUTES
from gateway.admin.exchanges.routes import EXCHANGE_ROUTES
from gateway.admin.for_partners.routes import PARTNER_ROUTES
from gateway.admin.limits.routes import LIMIT_ROUTES
from gateway.admin.queue.routes import QUEUE_ROUTES
from gateway.admin.services import AdminServices
from gateway.admin.signing_keys.routes import SIGNING_KEY_ROUTES
from gateway.admin.tokens.routes import TOKEN_ROUTES
from gateway.handlers.documents import livez, metrics, readyz
from gateway.http.route import Route, admin_family, open_family
from gateway.schemas.admin import (
    AdminBankOut,
    AuditOut,
    AuditQuery,
    BankChange,
    BankIn,
    EvidenceIn,
    MerchantIn,
    MerchantOut,
    PartnerIn,
    PartnerOut,
    ProposalOut,
    ProposalShown,
    WaitingOut,
    WaitingQuery,
)
from gateway.schemas.documents import LiveOut, ReadyOut
from gateway.schemas.pages import Page, PageQuery
from gateway.schemas.payments import PaymentOut

_AUDIT = admin_family("audit")
_BANKS = admin_family("banks")
_MERCHANTS = admin_family("merchants")
_PARTNERS = admin_family("partners")
_PAYMENTS = admin_family("payments")
# Why what a person saw in a bank's books does not count.
_JUDGED = ("bank_reference_mismatch", "evidence_outdated", "evidence_refused", "evidence_too_early")
_ABOUT = open_family("about")

ADMIN_ROUTES: tuple[Route[AdminServices], ...] = (
    _PARTNERS.post(
        "/admin/v1/partners",
        do.create_partner,
        "Make a partner with a test and a live environment.",
        request=PartnerIn,
        response=PartnerOut,
        status=201,
    ),
    _PARTNERS.get(
        "/admin/v1/partners",
        do.list_partners,
        "List the partners, newest first.",
        query=PageQuery,
        response=Page[PartnerOut],
    ),
    _PARTNERS.get("/admin/v1/partners/{partner_id}", do.get_partner, "Read one partner.", response=PartnerOut),
    _PARTNERS.post(
        "/admin/v1/partners/{partner_id}/suspend",
        do.suspend_partner,
        "Stop serving a partner, everywhere within a second.",
        response=PartnerOut,
    ),
    _PARTNERS.post(
        "/admin/v1/partners/{partner_id}/resume", do.resume_partner, "Serve a partner again.", response=PartnerOut
    ),
    *CLIENT_ROUTES,
    _MERCHANTS.post(
        "/admin/v1/partners/{partner_id}/merchants",
        do.create_merchant,
        "Make a merchant of a partner; its name is sealed.",
        request=MerchantIn,
        response=MerchantOut,
        status=201,
    ),
    _MERCHANTS.get(
        "/admin/v1/partners/{partner_id}/merchants",
        do.list_merchants,
        "List a partner's merchants, newest first.",
        query=PageQuery,
        response=Page[MerchantOut],
    ),
    _MERCHANTS.post(
        "/admin/v1/partners/{partner_id}/merchants/{merchant_id}/erase-bodies",
        do.erase_merchant,
        "Suspend a merchant and erase for good all that was sealed for it; no payment of it may be open.",
        response=MerchantOut,
        refuses=("payments_open",),
    ),
    _BANKS.post(
        "/admin/v1/banks",
        do.create_bank,
        "Configure a bank; its settings are sealed and never shown.",
        request=BankIn,
        response=AdminBankOut,
        status=201,
        refuses=("bank_exists",),
    ),
    _BANKS.get("/admin/v1/banks", do.list_banks, "List the banks.", response=Page[AdminBankOut]),
    _BANKS.get(
        "/admin/v1/banks/{bank_id}", do.get_bank, "Read one bank; its settings are not shown.", response=AdminBankOut
    ),
    _BANKS.patch(
        "/admin/v1/banks/{bank_id}",
        do.change_bank,
        "Give a bank another name or other settings.",
        request=BankChange,
        response=AdminBankOut,
    ),
    _BANKS.post(
        "/admin/v1/banks/{bank_id}/suspend",
        do.suspend_bank,
        "Let a bank's payments wait, everywhere within a second.",
        response=AdminBankOut,
    ),
    _BANKS.post(
        "/admin/v1/banks/{bank_id}/resume", do.resume_bank, "Let a bank's payments go on.", response=AdminBankOut
    ),
    _AUDIT.get(
        "/admin/v1/audit-log",
        do.list_audit,
        "List admin changes, newest first.",
        query=AuditQuery,
        response=Page[AuditOut],
    ),
    _PAYMENTS.get(
        "/admin/v1/payments",
        evidence.list_waiting,
        "List the payments of all partners that no machine can end, newest first, with what their banks said.",
        query=WaitingQuery,
        response=Page[WaitingOut],
    ),
    _PAYMENTS.post(
        "/admin/v1/payments/{payment_id}/evidence",
        evidence.propose_evidence,
        "Say what a bank's books show of a payment that nobody else can end.",
        request=EvidenceIn,
        response=ProposalOut,
        status=201,
        refuses=_JUDGED,
    ),
    _PAYMENTS.get(
        "/admin/v1/payments/{payment_id}/evidence",
        evidence.list_evidence,
        "Read what was proposed about a payment and why, newest first; only the newest can be confirmed.",
        response=Page[ProposalShown],
    ),
    _PAYMENTS.post(
        "/admin/v1/payments/{payment_id}/evidence/{proposal_id}/confirm",
        evidence.confirm_evidence,
        "Confirm, as another person, what one has proposed.",
        response=PaymentOut,
        refuses=("already_confirmed", "proposal_replaced", "second_person_required", *_JUDGED),
    ),
    *EXCHANGE_ROUTES,
    *LIMIT_ROUTES,
    *QUEUE_ROUTES,
    *PARTNER_ROUTES,
    *SIGNING_KEY_ROUTES,
    *TOKEN_ROUTES,
    _ABOUT.get("/livez", livez, "Say that this process runs.", response=LiveOut),
    _ABOUT.get(
        "/readyz", readyz, "Say whether this process may be sent requests.", response=ReadyOut, others={503: ReadyOut}
    ),
    _ABOUT.get("/metrics", metrics, "Read what this process counts, for Prometheus; on this port only."),
)
