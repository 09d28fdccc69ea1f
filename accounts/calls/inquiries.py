"""What a bank is asked about a consent: its row, opened, as the adapter wants it."""

from dataclasses import replace

from accounts.consents.rows import ConsentRow
from accounts.consents.sealed import ConsentTerms, code_context, grant_context, grant_from_json, terms_context
from accounts.tools import AccountBank, Tools
from adapters.contract import Grant
from adapters.contract.accounts import Inquiry
from kernel.masked import Secret


async def open_terms(tools: Tools, consent: ConsentRow) -> ConsentTerms:
    """What its holder was sent out with. Raises SealError where the merchant's data were erased."""
    opened = await tools.vault.open(consent.tenant.partner_id, consent.sealed_terms, terms_context(consent.id))
    return ConsentTerms.from_json(opened)


async def open_grant(tools: Tools, consent: ConsentRow) -> Grant | None:
    """The access that the holder gave; None for a bank that gives none, and before it was given."""
    if consent.sealed_grant is None:
        return None
    opened = await tools.vault.open(consent.tenant.partner_id, consent.sealed_grant, grant_context(consent.id))
    return grant_from_json(opened)


async def inquire(tools: Tools, consent: ConsentRow, bank: AccountBank) -> Inquiry:
    """Everything that a step of a living consent may need."""
    terms = await open_terms(tools, consent)
    handshake = terms.handshake
    if consent.sealed_code is not None:
        code = await tools.vault.open(consent.tenant.partner_id, consent.sealed_code, code_context(consent.id))
        handshake = replace(handshake, code=Secret(code.decode()))
    inquiry = bare_inquiry(tools, consent, bank)
    return replace(inquiry, payer=terms.payer, handshake=handshake)


def bare_inquiry(tools: Tools, consent: ConsentRow, bank: AccountBank) -> Inquiry:
    """What needs nothing opened: enough to end a consent whose merchant's data were erased."""
    return Inquiry(
        settings=bank.bank.settings,
        requested_at=tools.clock.now(),
        consent_id=consent.bank_consent_id,
        valid_until=consent.valid_until,
    )
