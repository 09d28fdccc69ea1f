"""What merchants are told to verify with verifies what is sent, and nothing else."""

import importlib.util
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.ids import NIL, Environment
from kernel.masked import Secret
from webhooks.endpoints.keys.published import jwk
from webhooks.sending.model import SigningKey
from webhooks.sending.signing import ed25519_key_of, new_ed25519_secret, new_secret, signature_header
from webhooks.states import SignatureScheme

DOCS = Path(__file__).parents[3] / "docs"
BODY = b'{"type":"order.shipped","data":{"number":7}}'


def headers_of(scheme: SignatureScheme, secret: Secret, at: int) -> dict[str, str]:
    """A message's headers."""
    signature = signature_header([SigningKey(scheme=scheme, secret=secret)], "evt_1", at, BODY)
    return {"webhook-id": "evt_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,AAAA {signature}"}


@pytest.fixture(scope="module")
def receiver() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("receive_webhooks", DOCS / "receive_webhooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def verify_v1a() -> Callable[..., bool]:
    """The function that the page prints."""
    page = (DOCS / "webhooks-for-merchants.md").read_text()
    [code] = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Ed25519" in block]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - a page of ours
    found: Callable[..., bool] = names["is_genuine"]
    return found


def test_the_receiver_believes_what_is_signed(receiver: Any) -> None:
    """One right v1 signature among several, of these bytes, not older than five minutes."""
    secret, now = new_secret(), int(time.time())
    good = headers_of(SignatureScheme.V1, secret, now)
    assert receiver.is_genuine(secret.reveal(), good, BODY, now)
    assert not receiver.is_genuine(secret.reveal(), good, BODY + b" ", now)
    assert not receiver.is_genuine(secret.reveal(), good, BODY, now + 301)
    assert not receiver.is_genuine(new_secret().reveal(), good, BODY, now)
    assert not receiver.is_genuine(secret.reveal(), {}, BODY, now)


@pytest.mark.parametrize("arguments", [(), ("9000",), ("x", "whsec_QUJD"), ("9000", "QUJD"), ("9000", "whsec_A")])
def test_the_receiver_says_how_it_is_called(receiver: Any, arguments: tuple[str, ...]) -> None:
    """A secret that no signature can be made with is refused at once, not with the first message."""
    assert receiver.main(*arguments).startswith("usage: ")


def test_the_receiver_says_that_its_port_is_taken(receiver: Any) -> None:
    """In a line, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert receiver.main(str(port), "whsec_QUJD").startswith(f"port {port} cannot be listened on")


def test_the_receiver_answers_the_challenge(receiver: Any) -> None:
    """With its token; to anything else its body is empty."""
    assert receiver.answer(b'{"type":"webhook_endpoint.challenge","data":{"challenge":"abc"}}') == b"abc"
    assert receiver.answer(BODY) == b""


def test_the_page_verifies_v1a(verify_v1a: Callable[..., bool]) -> None:
    """By any key of the set; not other bytes, other times or other keys."""
    secret, other, now = new_ed25519_secret(), new_ed25519_secret(), int(time.time())
    keys = [jwk(NIL, ed25519_key_of(one).public_key().public_bytes_raw(), Environment.TEST) for one in (other, secret)]
    good = headers_of(SignatureScheme.V1A, secret, now)
    assert verify_v1a({"keys": keys}, good, BODY)
    assert not verify_v1a({"keys": keys[:1]}, good, BODY)
    assert not verify_v1a({"keys": keys}, good, BODY + b" ")
    assert not verify_v1a({"keys": keys}, headers_of(SignatureScheme.V1A, secret, now - 400), BODY)
