"""The settings of an Open Banking UK bank, each with its sentence for the admin who enters it."""

from adapters.declaration import ISSUER_IN_RETURN, IssuerInReturn, SettingField, SettingForm
from adapters.open_banking_uk.dialect import DIALECTS, PAYMENT_CONTEXTS

SETTINGS = (
    SettingField(
        name="version",
        sentence="The version of the standard that the bank speaks: 4.0 (assumed) or 3.1.11.",
        required=False,
        choices=tuple(DIALECTS),
    ),
    SettingField(name="issuer", sentence="The issuer of the bank's authorisation server, as its discovery says."),
    SettingField(
        name=ISSUER_IN_RETURN,
        sentence="Whether payers bring the issuer back as iss: optional (assumed), then checked if there, or required.",
        required=False,
        choices=tuple(IssuerInReturn),
    ),
    SettingField(
        name="authorization_url",
        sentence="The bank's authorisation endpoint, where payers are sent.",
        form=SettingForm.URL,
    ),
    SettingField(name="token_url", sentence="The bank's token endpoint.", form=SettingForm.URL),
    SettingField(name="client_id", sentence="Our client id at this bank, from the registration."),
    SettingField(
        name="signing_key",
        sentence="Our private RSA key for signatures, in PEM.",
        secret=True,
        form=SettingForm.RSA_KEY,
    ),
    SettingField(name="signing_key_id", sentence="The kid of that key in the directory."),
    SettingField(
        name="signature_issuer", sentence="Who signs: our organisation's id, a slash, and the software statement's id."
    ),
    SettingField(
        name="signature_trust_anchor",
        sentence="The trust anchor named in signatures: openbanking.org.uk, unless the bank says otherwise.",
        required=False,
    ),
    SettingField(
        name="signature_payload",
        sentence="How signed bodies are encoded: base64url (assumed), or unencoded for banks at 3.1.3 or earlier.",
        required=False,
        choices=("base64url", "unencoded"),
    ),
    SettingField(
        name="bank_jwks",
        sentence="The bank's public signing keys as a JSON Web Key Set.",
        form=SettingForm.KEY_SET,
    ),
    SettingField(
        name="bank_signature_issuer",
        sentence="Who must have signed the bank's answers; anyone with its keys, if not given.",
        required=False,
    ),
    SettingField(
        name="notification_issuer",
        sentence="Who issues the bank's event notifications, their iss: the issuer, if not given.",
        required=False,
    ),
    SettingField(
        name="notification_audience",
        sentence="What the bank's event notifications call us, their aud: the client id, if not given.",
        required=False,
    ),
    SettingField(
        name="answer_signatures",
        sentence="Whether a success must bear the bank's signature: required (assumed), or ignored.",
        required=False,
        choices=("required", "ignored"),
    ),
    SettingField(
        name="answer_ids",
        sentence="Whether an x-fapi-interaction-id in an answer must be its request's: checked (assumed), or ignored.",
        required=False,
        choices=("checked", "ignored"),
    ),
    SettingField(
        name="confirm_funds",
        sentence="Whether the bank is asked before a payment if its payer has the amount: no (assumed) or yes.",
        required=False,
        choices=("no", "yes"),
    ),
    SettingField(
        name="enquiry",
        sentence="What is asked for a payment's status: payment (assumed) or payment_details.",
        required=False,
        choices=("payment", "payment_details"),
    ),
    SettingField(
        name="local_instrument", sentence="The payment scheme to ask for, such as UK.OBIE.FPS.", required=False
    ),
    SettingField(
        name="payment_context",
        sentence="The context told for the bank's fraud checks.",
        required=False,
        choices=PAYMENT_CONTEXTS,
    ),
    SettingField(name="merchant_category_code", sentence="The ISO 18245 code of the merchants.", required=False),
    SettingField(
        name="contract_present",
        sentence="Whether payees have a contract with us: yes or no.",
        required=False,
        choices=("yes", "no"),
    ),
)
