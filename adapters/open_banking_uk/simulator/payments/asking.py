"""What a payer is asked about a payment consent, and what the answer does to it."""

from adapters.open_banking_uk.simulator.holders import BY_ID, OFFERED
from adapters.open_banking_uk.simulator.oauth.page import Question
from adapters.open_banking_uk.simulator.payments.books import Books, Consent, ConsentStatus


class PaymentConsents:
    """The payment consents, as the authorisation page needs them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def question(self, consent_id: str) -> Question | None:
        """What to ask; None for a consent that does not wait."""
        consent = self._books.consents.get(consent_id)
        if consent is None or consent.status is not ConsentStatus.AWAITING:
            return None
        initiation = consent.request["Data"]["Initiation"]
        creditor = initiation["CreditorAccount"]
        facts = (
            ("To", creditor["Name"]),
            ("Account", creditor["Identification"]),
            ("Amount", f"{initiation['InstructedAmount']['Amount']} {initiation['InstructedAmount']['Currency']}"),
        )
        return Question(title="Confirm a payment", facts=facts, accounts=_offered(consent))

    def decide(self, consent_id: str, account_ids: tuple[str, ...] | None) -> None:
        """Authorised with the chosen account, or rejected; once."""
        consent = self._books.consents[consent_id]
        if consent.status is not ConsentStatus.AWAITING:
            return
        if account_ids is None:
            consent.become(ConsentStatus.REJECTED)
            return
        consent.account = BY_ID[account_ids[0]].identified
        consent.become(ConsentStatus.AUTHORISED)


def _offered(consent: Consent) -> tuple[tuple[str, str], ...]:
    """The payer's accounts; only the one that the consent names, where it names one."""
    named = consent.request["Data"]["Initiation"].get("DebtorAccount", {}).get("Identification")
    one = tuple(each for each in OFFERED if BY_ID[each[0]].identified["Identification"] == named)
    return one or OFFERED
