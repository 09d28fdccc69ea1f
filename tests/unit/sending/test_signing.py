"""Standard Webhooks v1, against its published vectors and its own Python library."""

from base64 import b64encode
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from kernel.masked import Secret
from webhooks.sending.signing import key_of, new_secret, sign_v1, signature_header

VECTORS = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
]


@pytest.mark.parametrize(("secret", "message_id", "timestamp", "body", "expected"), VECTORS)
def test_published_vectors(secret: str, message_id: str, timestamp: int, body: bytes, expected: str) -> None:
    """The signatures of the specification's own examples come out."""
    assert sign_v1(key_of(Secret(secret)), message_id, timestamp, body) == expected
    assert signature_header([Secret(secret)], message_id, timestamp, body) == expected


@given(
    keys=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3),
    body=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
)
def test_the_official_library_verifies_us(keys: list[bytes], body: dict[str, str]) -> None:
    """With any one of the live secrets; what it returns is what was signed."""
    raw = orjson.dumps(body)
    secrets = [Secret("whsec_" + b64encode(key).decode()) for key in keys]
    timestamp = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(secrets, "evt_1", timestamp, raw),
    }
    assert "  " not in headers["webhook-signature"]
    assert headers["webhook-signature"].strip() == headers["webhook-signature"]
    for secret in secrets:
        assert Webhook(secret.reveal()).verify(raw, headers) == body


def test_a_new_secret_has_the_specified_form() -> None:
    """`whsec_` and 32 random bytes in base64, never the same twice, never shown."""
    first, second = new_secret(), new_secret()
    assert len(key_of(first)) == 32
    assert first != second
    assert first.reveal() not in repr(first)


@pytest.mark.parametrize(
    "text",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_%%%", "whsec_" + "A" * 88, "whsk_" + "A" * 44],
)
def test_other_secrets_are_refused(text: str) -> None:
    """Only whsec_ and 24 to 64 bytes; the message does not repeat the value."""
    with pytest.raises(ValueError, match="a secret") as refused:
        key_of(Secret(text))
    assert not text or text not in str(refused.value)


def test_nothing_is_sent_unsigned() -> None:
    """Without a live secret there is an error, not an empty header."""
    with pytest.raises(ValueError, match="at least one"):
        signature_header([], "evt_1", 1, b"{}")
