"""Manifests as documents, by known answers."""

import hashlib
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from webhooks.manifests.document import Manifest, SequenceDigest, digest_of, read, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MANIFEST = Manifest(
    endpoint_id="ep_01",
    day=date(2026, 11, 22),
    count=2,
    first_sequence=5,
    last_sequence=6,
    digest="ab" * 32,
    previous=None,
    made_at=datetime(2026, 11, 23, 0, 10, 0, 123456, tzinfo=UTC),
)


def test_the_digest_is_that_of_the_lines_in_order() -> None:
    """One line per number: the number, a space, the webhook-id, a newline."""
    digest = SequenceDigest()
    digest.add(5, "evt_a")
    digest.add(6, "evt_b")
    assert digest.digest() == hashlib.sha256(b"5 evt_a\n6 evt_b\n").digest()
    assert digest.count == 2
    assert SequenceDigest().digest() == hashlib.sha256(b"").digest()


def test_a_document_is_a_compact_jws_that_the_key_verifies() -> None:
    """Header, payload and signature as RFC 7515 and RFC 8037 have them, and what was written is read again."""
    document = sign(MANIFEST, KEY, "whs_01")
    header, payload, signature = document.split(".")
    assert "=" not in document
    assert orjson.loads(urlsafe_b64decode(header + "==")) == {
        "alg": "EdDSA",
        "typ": "webhook-manifest",
        "kid": "whs_01",
    }
    raw = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    KEY.public_key().verify(raw, f"{header}.{payload}".encode())
    key_id, manifest = read(document)
    assert key_id == "whs_01"
    assert manifest.day == MANIFEST.day
    assert manifest.made_at == datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    assert digest_of(document) == hashlib.sha256(document.encode()).hexdigest()
