"""The sandbox bank's notifications: JSON, signed with HMAC-SHA256 over a time and the exact bytes.

Sandbox-Signature: t=1790000000,v1=<hex of HMAC-SHA256(secret, "1790000000." + body)>
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.contract import BankSettings, Evidence, Notified, Receipt, Verdict
from adapters.reading.strict import Unreadable, as_object, code_of, read_object
from adapters.sandbox.reading import payment_evidence
from kernel.masked import Secret

SIGNATURE_HEADER = "sandbox-signature"
TOLERANCE_SECONDS = 300
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(raw: bytes, secret: Secret, at: datetime) -> str:
    """The signature header's value."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(raw, secret, seconds)}"


def verify(raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime) -> Receipt:
    """Whether these bytes are the bank's and recent. Never raises."""
    why = _why_not(raw, headers, settings, now)
    if why is not None:
        # An unverified body must not take the place of the true one that may still come.
        return Receipt(verified=False, dedupe_key=_digest(b"unverified:" + raw), refused_why=why)
    return Receipt(verified=True, dedupe_key=_digest(b"verified:" + _name(raw)))


def parse(raw: bytes) -> Notified:
    """What the notification says. Never raises."""
    try:
        payment = as_object(read_object(raw).get("payment"))
        evidence = payment_evidence(payment)
    except Unreadable:
        return Notified(evidence=Evidence(verdict=Verdict.UNKNOWN))
    return Notified(evidence=evidence, end_to_end_id=evidence.reference, bank_reference=evidence.bank_reference)


def _why_not(raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime) -> str | None:
    match = _SIGNATURE.fullmatch(headers.get(SIGNATURE_HEADER, ""))
    if match is None:
        return "no_signature"
    secret = settings.secrets.get("notification_secret")
    if secret is None:
        return "no_secret"
    if not hmac.compare_digest(_mac(raw, secret, int(match[1])), match[2]):
        return "bad_signature"
    return "too_old" if abs(now.timestamp() - int(match[1])) > TOLERANCE_SECONDS else None


def _mac(raw: bytes, secret: Secret, seconds: int) -> str:
    return hmac.new(secret.reveal().encode(), b"%d." % seconds + raw, hashlib.sha256).hexdigest()


def _name(raw: bytes) -> bytes:
    try:
        body: dict[str, Any] = read_object(raw)
    except Unreadable:
        return raw
    return (code_of(body.get("id")) or "").encode() or raw


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
