"""Every column that holds sealed values, and what each value was sealed with; a test holds that none is missing.

What stands here is sealed anew when data keys are rotated. A column that did not stand here would become unreadable.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from accounts.consents import sealed as consents
from accounts.exchanges.keeping import exchange_context as consent_exchange_context
from accounts.reading.model import account_context, balances_context
from gateway.admin.parties import merchant_context
from gateway.oauth.clients.credentials import binding_context, credentials_context
from gateway.oauth.signing.keys import private_context
from kernel.audit.keys import key_context
from kernel.ids import Environment, Tenant
from kernel.sealing.rotation.columns import Row, SealedColumn
from payments import terms
from payments.banks import settings_context as bank_context
from payments.banks.tokens import token_context as bank_token_context
from payments.exchanges.keeping import exchange_context as bank_exchange_context
from payments.inbox.accept import raw_context
from payments.intents.planning import request_context
from payments.journeys.handshakes import grant_context, handshake_context
from payments.journeys.refund_accounts import refund_account_context
from payments.operators.evidence import note_context
from webhooks.catalogue.model import document_context
from webhooks.endpoints.model import client_certificate_context, filter_context, secret_context, settings_context
from webhooks.events.model import body_context
from webhooks.sending.model import exchange_context


def _by_id(context: Callable[[UUID], bytes]) -> Callable[[Row], bytes]:
    return lambda row: context(row["id"])


def _column(name: str, context: Callable[[UUID], bytes], *outer: str, **wanted: Any) -> SealedColumn:
    """A column of a table whose primary key ends with `id`, after further ids, and whose values are bound to it."""
    table, _, column = name.partition(".")
    key = dict.fromkeys([*outer, "id"], "uuid")
    return SealedColumn(table=table, column=column, key=key, context=_by_id(context), **wanted)


def _event_type_context(row: Row) -> bytes:
    tenant = Tenant(row["partner_id"], Environment(row["environment"]))
    return document_context(tenant, row["name"], row["version"])


SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    _column("merchants.sealed_name", merchant_context),
    _column("oauth_clients.sealed_credentials", credentials_context),
    _column("oauth_clients.sealed_binding_certificates", binding_context),
    _column("payments.sealed_terms", terms.context),
    _column("submissions.sealed_refund_account", refund_account_context),
    _column("bank_operations.sealed_request", request_context),
    _column("authorisations.sealed_handshake", handshake_context),
    _column("authorisations.sealed_grant", grant_context),
    _column("account_consents.sealed_terms", consents.terms_context),
    _column("account_consents.sealed_url", consents.url_context),
    _column("account_consents.sealed_code", consents.code_context),
    _column("account_consents.sealed_grant", consents.grant_context),
    _column("consent_accounts.sealed_account", account_context),
    _column("consent_accounts.sealed_balances", balances_context),
    _column("consent_exchanges.sealed_exchange", consent_exchange_context),
    _column("bank_exchanges.sealed_exchange", bank_exchange_context),
    _column("evidence_proposals.sealed_note", note_context),
    _column("webhook_endpoints.sealed_settings", settings_context),
    _column("webhook_endpoints.sealed_filter", filter_context),
    _column("webhook_endpoints.sealed_client_certificate", client_certificate_context),
    _column("endpoint_secrets.sealed_secret", secret_context, "endpoint_id"),
    SealedColumn(
        table="event_types",
        column="sealed_document",
        key={"environment": "environment", "name": "text", "version": "smallint"},
        context=_event_type_context,
    ),
    _column("events.sealed_body", body_context),
    _column("delivery_attempts.sealed_exchange", exchange_context, "delivery_id"),
    SealedColumn(
        table="banks",
        column="sealed_settings",
        key={"id": "text"},
        context=lambda row: bank_context(row["id"]),
        is_partners=False,
    ),
    SealedColumn(
        table="bank_tokens",
        column="sealed_token",
        key={"bank_id": "text", "version": "bigint", "scope": "text"},
        context=lambda row: bank_token_context(row["bank_id"], row["version"], row["scope"]),
        is_partners=False,
    ),
    SealedColumn(
        table="bank_notifications",
        column="sealed_raw",
        key={"bank_id": "text", "id": "uuid"},
        context=_by_id(raw_context),
        is_partners=False,
    ),
    _column("token_signing_keys.sealed_private", private_context, is_partners=False),
    _column("audit_keys.sealed_private", key_context, is_partners=False),
)
