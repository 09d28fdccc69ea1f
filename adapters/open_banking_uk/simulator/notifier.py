"""The bank's event notifications: Security Event Tokens that say which resource changed, signed as its answers are."""

import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from joserfc import jws
from joserfc.jwk import RSAKey

from adapters.open_banking_uk.notifications.events import (
    RESOURCE_ID,
    RESOURCE_LINKS,
    RESOURCE_TYPE,
    REVOKED,
    UPDATED,
)
from adapters.open_banking_uk.simulator.accounts.counter import AccessConsent
from adapters.open_banking_uk.simulator.credentials import BANK_SIGNER, CLIENT_ID, Credentials
from adapters.open_banking_uk.simulator.payments.books import Payment
from adapters.signing.detached_jws import REGISTRY, TRUST_ANCHOR, protected_header
from adapters.simulation.courier import Courier
from adapters.simulation.faults import SILENT, Fault


class Notifier:
    """Tells the client what changed, at the address that it registered, if it did. `issuer` is set with the port."""

    def __init__(self, callback_url: str | None, credentials: Credentials) -> None:
        self.courier = Courier(callback_url)
        self.issuer = ""
        self._key = credentials.bank
        self._forged = credentials.client

    async def updated(self, payment: Payment) -> None:
        """Tell that a payment changed, as often as its fault says, or not at all."""
        if payment.fault in SILENT:
            return
        kind = "domestic-scheduled-payment" if payment.consent.scheduled else "domestic-payment"
        subject = self._subject(payment.consent.version, f"pisp/{kind}s/{payment.id}", kind, payment.id)
        key = self._forged if payment.fault is Fault.NOTIFY_FORGED else self._key
        token = self._token({UPDATED: {"subject": subject}}, key)
        for _ in range(2 if payment.fault is Fault.NOTIFY_TWICE else 1):
            await self._send(token)

    async def revoked(self, consent: AccessConsent) -> None:
        """Tell that a holder took back the access of a consent, which itself stays as it is."""
        kind = "account-access-consents"
        subject = self._subject(consent.version, f"aisp/{kind}/{consent.id}", kind, consent.id)
        await self._send(self._token({REVOKED: {"subject": subject}}, self._key))

    async def _send(self, token: str) -> None:
        headers = {"Content-Type": "application/jwt", "x-fapi-interaction-id": str(uuid4())}
        await self.courier.deliver(token.encode(), lambda: headers)

    def _subject(self, version: str, path: str, kind: str, resource_id: str) -> dict[str, Any]:
        link = f"{self.issuer}/open-banking/{version}/{path}"
        return {
            "subject_type": f"{RESOURCE_ID}_{RESOURCE_TYPE}",
            RESOURCE_ID: resource_id,
            RESOURCE_TYPE: kind,
            RESOURCE_LINKS: [{"version": version, "link": link}],
        }

    def _token(self, events: dict[str, Any], key: RSAKey) -> str:
        now = datetime.now(UTC)
        subject = next(iter(events.values()))["subject"]
        claims = {
            "iss": self.issuer,
            "iat": int(now.timestamp()),
            "jti": secrets.token_hex(16),
            "aud": CLIENT_ID,
            "sub": subject[RESOURCE_LINKS][0]["link"],
            "txn": str(uuid4()),
            "toe": int(now.timestamp()),
            "events": events,
        }
        header = protected_header(self._key.kid or "", BANK_SIGNER, TRUST_ANCHOR, now, unencoded=False)
        return str(jws.serialize_compact(header, orjson.dumps(claims), key, registry=REGISTRY))
