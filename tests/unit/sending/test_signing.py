"""Standard Webhooks v1 and v1a, against the published vectors, its own Python library and an independent Ed25519."""

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from kernel.masked import Secret
from webhooks.sending.model import SigningKey
from webhooks.sending.signing import (
    Signer,
    Signers,
    ed25519_key_of,
    key_of,
    new_ed25519_secret,
    new_secret,
    public_key_of,
    public_text,
    signature_header,
)
from webhooks.states import SignatureScheme

VECTORS = [
    (
        SigningKey(scheme=SignatureScheme.V1, secret=Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        SigningKey(
            scheme=SignatureScheme.V1A,
            secret=Secret(
                "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
            ),
        ),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
    (
        SigningKey(scheme=SignatureScheme.V1, secret=Secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")),
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
]
GRAMMAR = re.compile(
    r"(v1,[A-Za-z0-9+/]{43}=|v1a,[A-Za-z0-9+/]{86}==)( (v1,[A-Za-z0-9+/]{43}=|v1a,[A-Za-z0-9+/]{86}==))*"
)


def v1(secret: Secret) -> SigningKey:
    """A live v1 key."""
    return SigningKey(scheme=SignatureScheme.V1, secret=secret)


def v1a(secret: Secret) -> SigningKey:
    """A live v1a key."""
    return SigningKey(scheme=SignatureScheme.V1A, secret=secret)


@pytest.mark.parametrize(("key", "message_id", "timestamp", "body", "expected"), VECTORS)
def test_published_vectors(key: SigningKey, message_id: str, timestamp: int, body: bytes, expected: str) -> None:
    """The signatures that others published for both schemes come out."""
    assert signature_header([key], message_id, timestamp, body) == expected


def test_the_published_pair_has_its_published_public_half() -> None:
    """The `whpk_` text of the published key pair comes out."""
    public = public_key_of(VECTORS[1][0].secret)
    assert public_text(public) == "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


@given(
    keys=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3),
    pairs=st.integers(min_value=0, max_value=2),
    body=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
)
def test_the_official_library_verifies_us(keys: list[bytes], pairs: int, body: dict[str, str]) -> None:
    """With any one of the live v1 secrets, whatever else signs beside it; what it returns is what was signed."""
    raw = orjson.dumps(body)
    secrets = [Secret("whsec_" + b64encode(key).decode()) for key in keys]
    timestamp = int(datetime.now(UTC).timestamp())
    signing = [v1a(new_ed25519_secret()) for _ in range(pairs)] + [v1(secret) for secret in secrets]
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(signing, "evt_1", timestamp, raw),
    }
    for secret in secrets:
        assert Webhook(secret.reveal()).verify(raw, headers) == body


@given(count=st.integers(min_value=0, max_value=3), pairs=st.integers(min_value=0, max_value=3))
def test_the_header_keeps_its_grammar(count: int, pairs: int) -> None:
    """One `scheme,base64` per key, v1 before v1a, newest first within a scheme, exactly one space between."""
    if count + pairs == 0:
        return
    shared = [v1(new_secret()) for _ in range(count)]
    asymmetric = [v1a(new_ed25519_secret()) for _ in range(pairs)]
    header = signature_header([*asymmetric, *shared], "evt_1", 1, b"{}")
    assert GRAMMAR.fullmatch(header)
    assert header.split(" ") == [signature_header([key], "evt_1", 1, b"{}") for key in [*shared, *asymmetric]]


def test_an_independent_ed25519_verifies_v1a() -> None:
    """With the public half alone, over exactly id, timestamp and body; any other byte is refused."""
    secret = new_ed25519_secret()
    signature = b64decode(signature_header([v1a(secret)], "evt_1", 7, b'{"a":1}').removeprefix("v1a,"))
    public = Ed25519PublicKey.from_public_bytes(public_key_of(secret))
    public.verify(signature, b'evt_1.7.{"a":1}')
    with pytest.raises(InvalidSignature):
        public.verify(signature, b'evt_1.8.{"a":1}')


def test_new_secrets_have_the_specified_form() -> None:
    """`whsec_` and 32 random bytes, `whsk_` and a key pair, never the same twice, never shown."""
    first, second = new_secret(), new_secret()
    assert len(key_of(first)) == 32
    assert first != second
    pair, other = new_ed25519_secret(), new_ed25519_secret()
    assert len(b64decode(pair.reveal().removeprefix("whsk_"))) == 64
    assert public_key_of(pair) != public_key_of(other)
    assert first.reveal() not in repr(first)


@pytest.mark.parametrize(
    "text",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_%%%", "whsec_" + "A" * 88, "whsk_" + "A" * 44],
)
def test_other_v1_secrets_are_refused(text: str) -> None:
    """Only whsec_ and 24 to 64 bytes; the message does not repeat the value."""
    with pytest.raises(ValueError, match="a secret") as refused:
        key_of(Secret(text))
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("text", ["", "whsec_" + "A" * 44, "whsk_" + "A" * 44, "whsk_%%%", "whsk_" + "A" * 86 + "=="])
def test_other_v1a_secrets_are_refused(text: str) -> None:
    """Only whsk_ with a seed and the public key that belongs to it; the message does not repeat the value."""
    with pytest.raises(ValueError, match="a secret") as refused:
        ed25519_key_of(Secret(text))
    assert not text or text not in str(refused.value)


def test_nothing_is_sent_unsigned() -> None:
    """Without a live secret there is an error, not an empty header."""
    with pytest.raises(ValueError, match="at least one"):
        signature_header([], "evt_1", 1, b"{}")


def test_keys_are_decoded_once() -> None:
    """The same keys get the same signer, other keys another, and only the last used are kept."""
    signers = Signers(kept_max=1)
    first, second = (v1(new_secret()),), (v1(new_secret()),)
    kept = signers.of(first)
    assert signers.of(first) is kept
    assert signers.of(second) is not kept
    assert signers.of(first) is not kept
    assert signers.of(first).header("evt_1", 1, b"{}") == Signer.of(first).header("evt_1", 1, b"{}")
