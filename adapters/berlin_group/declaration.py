"""What a NextGenPSD2 1.3.11 bank can do, takes and promises, as far as the standard says it for all of them."""

from adapters.declaration import (
    AccountScheme,
    AuthProfile,
    CurrencyRule,
    Deadlines,
    Declaration,
    EnquiryKey,
    FieldLimit,
    OperationKind,
    Rail,
    Recovery,
    SettingField,
    SettingForm,
    Variant,
)

# The Latin characters of the SEPA rulebooks (EPC217-08 §1.4), without the slash at an edge that some banks refuse.
_SEPA = r"A-Za-z0-9/?:().,'+ \-"
_IBAN = "A-Z0-9"
_NAME_LENGTH, _TEXT_LENGTH, _REFERENCE_LENGTH = 70, 140, 35
_PRODUCTS = ("sepa-credit-transfers", "instant-sepa-credit-transfers")

BERLIN_GROUP = Declaration(
    name="berlin_group",
    title="Berlin Group NextGenPSD2 1.3.11",
    mapping_version="1",
    paths=("/v1",),
    operations=frozenset(
        {
            OperationKind.CONSENT,
            OperationKind.AUTHORISE,
            OperationKind.ENQUIRE,
            OperationKind.ENQUIRE_AUTHORISATION,
            OperationKind.CANCEL,
            OperationKind.AUTHORISE_CANCEL,
        }
    ),
    journey=(OperationKind.CONSENT, OperationKind.AUTHORISE),
    arms=OperationKind.AUTHORISE,
    reads=frozenset({"consent", "authorise", "consent_status", "consent_end", "accounts", "balances", "transactions"}),
    unattended_reads_a_day=4,
    currencies={"EUR": CurrencyRule(exponent=2, value_max=99_999_999_999)},  # EPC125-05, AT-04
    accounts=frozenset({AccountScheme.IBAN}),
    fields={
        "/creditor/name": FieldLimit(max_length=_NAME_LENGTH, charset=_SEPA),
        "/creditor/account/iban": FieldLimit(min_length=15, max_length=34, charset=_IBAN),
        "/debtor/account/iban": FieldLimit(min_length=15, max_length=34, charset=_IBAN, required=True),
        "/payer/ip_address": FieldLimit(min_length=7, max_length=15, charset="0-9.", required=True),
        "/payer/user_agent": FieldLimit(max_length=500, charset=" -~"),
        "/reference": FieldLimit(max_length=_TEXT_LENGTH, charset=_SEPA),
        "/end_to_end_id": FieldLimit(max_length=_REFERENCE_LENGTH, charset=r"A-Za-z0-9\-"),
    },
    enquiry_keys=(EnquiryKey.BANK_REFERENCE,),
    # The standard has no idempotency key: what is lost after the authorisation began is asked for, never sent again.
    recovery={
        OperationKind.AUTHORISE: Recovery.ENQUIRE,
        OperationKind.CANCEL: Recovery.ENQUIRE,
        OperationKind.AUTHORISE_CANCEL: Recovery.ENQUIRE,
    },
    fresh_headers=("date", "x-request-id"),
    rails=frozenset({Rail.SEPA_CREDIT_TRANSFER}),
    rail_by_option={("payment_product", "instant-sepa-credit-transfers"): Rail.SEPA_INSTANT},
    deadlines=Deadlines(connect_seconds=3, first_byte_seconds=10, total_seconds=15),
    processing_seconds=10,
    poll_seconds=(2, 3, 5, 10, 15, 30, 60, 300, 900),
    auth=AuthProfile.NONE,
    signing="http_signature",
    settings=(
        SettingField(
            name="payment_product",
            sentence="The SEPA scheme in which this bank is paid through; the ordinary one by default.",
            required=False,
            choices=_PRODUCTS,
        ),
        SettingField(
            name="sca_preference",
            sentence="How payers are asked to approve: in the browser (redirect, the default) or in the bank's app.",
            required=False,
            choices=("redirect", "decoupled"),
        ),
        SettingField(
            name="payer_addresses",
            sentence="Which addresses of payers the bank takes: the standard's own (ipv4, the default), or both kinds.",
            required=False,
            choices=("ipv4", "ipv4_and_ipv6"),
        ),
        SettingField(
            name="enquiry",
            sentence="What is read to learn a payment's status: the payment with its amount (the default), or only its "
            "status, for banks whose payment tells no status.",
            required=False,
            choices=("payment", "status"),
        ),
        SettingField(
            name="account_choice",
            sentence="Which accounts a consent opens: those that the holder chooses in the bank's pages (the default), "
            "or all of them.",
            required=False,
            choices=("chosen_at_bank", "all_accounts"),
        ),
        SettingField(
            name="transactions",
            sentence="Which transactions the bank gives: those booked (the default), or pending ones too.",
            required=False,
            choices=("booked", "both"),
        ),
        SettingField(
            name="executes_without_authorisation",
            sentence="yes for a bank that may execute an initiation, or ask the payer in its app, before we start the "
            "authorisation: then a lost answer is for two persons to judge.",
            required=False,
            choices=("no", "yes"),
        ),
        SettingField(
            name="signing_certificate",
            sentence="The QSEAL certificate (PEM) that signs our requests; without it they are not signed.",
            required=False,
            form=SettingForm.CERTIFICATE,
        ),
        SettingField(
            name="signing_key",
            sentence="The QSEAL certificate's private RSA key (PEM).",
            secret=True,
            required=False,
            form=SettingForm.RSA_KEY,
        ),
        SettingField(
            name="signature_algorithm",
            sentence="The signature's algorithm; rsa-sha256 by default.",
            required=False,
            choices=("rsa-sha256", "rsa-sha512"),
        ),
        SettingField(
            name="signature_covers",
            sentence="What this bank wants signed beside the standard's own list.",
            required=False,
            choices=("date", "(request-target)", "(request-target) date"),
        ),
        SettingField(
            name="bank_signing_certificate",
            sentence="The certificate (PEM) that signs the bank's answers; with it, no unsigned answer is believed.",
            required=False,
            form=SettingForm.CERTIFICATE,
        ),
        SettingField(
            name="answer_ids",
            sentence="Whether an X-Request-ID in an answer must be its request's (checked, the default), or not "
            "(ignored), for banks that put their own there; a signed answer always has to bear it.",
            required=False,
            choices=("checked", "ignored"),
        ),
    ),
    variants=(
        Variant(
            option="payer_addresses",
            value="ipv4_and_ipv6",
            fields={"/payer/ip_address": FieldLimit(min_length=2, max_length=45, charset="0-9a-fA-F:.", required=True)},
        ),
        Variant(
            option="executes_without_authorisation",
            value="yes",
            arms=OperationKind.CONSENT,
            recovery={
                OperationKind.CONSENT: Recovery.HOLD,
                OperationKind.AUTHORISE: Recovery.ENQUIRE,
                OperationKind.CANCEL: Recovery.ENQUIRE,
                OperationKind.AUTHORISE_CANCEL: Recovery.ENQUIRE,
            },
        ),
    ),
)
