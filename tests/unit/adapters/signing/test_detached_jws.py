"""Detached signatures of Open Banking UK: what we make, what we believe, and what we do not."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import KeySet

from adapters.contract import BankSettings
from adapters.signing import Signable, profiles
from adapters.signing.detached_jws import IAT, ISS, TAN, verified
from adapters.wire import WireReply
from kernel.masked import Secret
from tests.support.bank_keys import KEY_ID, signing_key, signing_pem

KNOWN = json.loads((Path(__file__).parent / "known_answers.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BODY = b'{"Data":{"Initiation":{"InstructedAmount":{"Amount":"165.88","Currency":"GBP"}}},"Risk":{}}'
PROFILE = profiles()["detached_jws"]
CLAIMS = [IAT, ISS, TAN]


def settings(**options: str) -> BankSettings:
    """Ours, at a bank whose key is our own, so that what we sign can be believed here."""
    jwks = json.dumps({"keys": [{**signing_key().as_dict(private=False), "kid": KEY_ID}]})
    base = {"signing_key_id": KEY_ID, "signature_issuer": "org/software", "bank_jwks": jwks}
    return BankSettings(base_url="", secrets={"signing_key": signing_pem()}, options=base | options)


def made(body: bytes = BODY, **options: str) -> str:
    call = Signable(method="POST", path="/x", headers={}, body=body)
    return PROFILE.headers(call, settings(**options), NOW)["x-jws-signature"]


def header_of(signature: str) -> dict[str, Any]:
    text = signature.partition(".")[0]
    return dict(json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def forged(**changes: Any) -> str:
    """A signature by the right key under a protected header that was changed; None takes a member out."""
    header = {key: value for key, value in (header_of(made()) | changes).items() if value is not None}
    head, payload = (urlsafe_b64encode(each).rstrip(b"=") for each in (json.dumps(header).encode(), BODY))
    key: Any = signing_key().private_key
    proof = key.sign(head + b"." + payload, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return f"{head.decode()}..{urlsafe_b64encode(proof).rstrip(b'=').decode()}"


@pytest.mark.parametrize("form", ["encoded", "unencoded"])
def test_a_known_signature_is_believed_and_not_under_another_byte(form: str) -> None:
    """A signature made elsewhere, with neither our code nor our library, verifies over its body and over no other."""
    options = {"bank_jwks": json.dumps(KNOWN["jwks"])} | ({} if form == "encoded" else {"signature_payload": form})
    bank, body = BankSettings(base_url="", options=options), KNOWN["body"].encode()
    assert verified(KNOWN[form], body, bank, NOW)
    assert not verified(KNOWN[form], body + b" ", bank, NOW)
    assert not verified(KNOWN[form], body.replace(b"c-1", b"c-2"), bank, NOW)


def test_the_protected_header_is_exactly_as_the_standard_says() -> None:
    """PS256 with our kid; three members of the standard's own, and crit lists exactly those."""
    header = header_of(made())
    assert header == {
        "alg": "PS256",
        "kid": KEY_ID,
        "typ": "JOSE",
        "cty": "application/json",
        "http://openbanking.org.uk/iat": int(NOW.timestamp()),
        "http://openbanking.org.uk/iss": "org/software",
        "http://openbanking.org.uk/tan": "openbanking.org.uk",
        "crit": CLAIMS,
    }


def test_older_banks_get_the_unencoded_form() -> None:
    """With the option, b64 is false and critical, and the signature is over the bare bytes."""
    header = header_of(made(signature_payload="unencoded", signature_trust_anchor="bank.example"))
    assert header["b64"] is False
    assert header["crit"] == ["b64", *CLAIMS]
    assert header[TAN] == "bank.example"


@pytest.mark.parametrize("unencoded", [False, True])
def test_what_we_sign_verifies_by_plain_cryptography(unencoded: bool) -> None:  # noqa: FBT001 - a case
    """The bytes under the signature are the header, a dot, and the body as the form wants it: nothing is re-written."""
    signature = made(**({"signature_payload": "unencoded"} if unencoded else {}))
    head, empty, proof = signature.split(".")
    assert not empty
    payload = BODY if unencoded else urlsafe_b64encode(BODY).rstrip(b"=")
    key: Any = signing_key().public_key
    pss, over = padding.PSS(padding.MGF1(hashes.SHA256()), 32), f"{head}.".encode() + payload
    key.verify(urlsafe_b64decode(proof + "=="), over, pss, hashes.SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(urlsafe_b64decode(proof + "=="), over + b" ", pss, hashes.SHA256())


def test_a_request_without_a_body_is_not_signed() -> None:
    """The standard signs no GET."""
    assert PROFILE.headers(Signable(method="GET", path="/x", headers={}, body=b""), settings(), NOW) == {}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"crit": CLAIMS[:2]}, id="crit-lacks-one"),
        pytest.param({"crit": ["b64", *CLAIMS]}, id="crit-names-b64-without-it"),
        pytest.param({"b64": True, "crit": ["b64", *CLAIMS]}, id="b64-is-of-the-other-form"),
        pytest.param({"crit": None}, id="no-crit"),
        pytest.param({IAT: None}, id="no-iat"),
        pytest.param({IAT: int(NOW.timestamp()) + 3600}, id="from-the-future"),
        pytest.param({TAN: "elsewhere.example"}, id="other-trust-anchor"),
        pytest.param({"kid": "another"}, id="unknown-key"),
        pytest.param({"typ": "JWT"}, id="other-type"),
        pytest.param({"cty": "text/plain"}, id="other-content"),
        pytest.param({"jku": "https://keys.example"}, id="a-member-that-nobody-asked-for"),
    ],
)
def test_a_header_that_is_not_as_the_standard_says_is_not_believed(changes: dict[str, Any]) -> None:
    """The right key is not enough: what the protected header says must be exactly the standard's."""
    assert verified(forged(), BODY, settings(), NOW)
    assert not verified(forged(**changes), BODY, settings(), NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "a..b", "a.b.c", "a.b.c.d", "é..é", f"{'A' * 5000}..x"])
def test_what_is_no_signature_is_not_believed(text: str) -> None:
    """Whatever stands in the header, the answer is no and never an error."""
    assert not verified(text, BODY, settings(), NOW)


def test_the_signature_says_who_signed() -> None:
    """With the bank's issuer set, nobody else's signature is believed, though the key is right."""
    assert verified(made(), BODY, settings(bank_signature_issuer="org/software"), NOW)
    assert not verified(made(), BODY, settings(bank_signature_issuer="another"), NOW)


def test_a_success_must_be_signed_and_an_error_may_be_silent() -> None:
    """A 2xx without the bank's signature proves nothing; an error without one is an error; a wrong one is neither."""
    right, wrong = {"x-jws-signature": made()}, {"x-jws-signature": made(b"{}")}
    answers = [(201, right), (201, {}), (201, wrong), (400, right), (400, {}), (400, wrong), (429, {})]
    believed = [PROFILE.believes(WireReply(status=code, headers=h, body=BODY), settings(), NOW) for code, h in answers]
    assert believed == [True, False, False, True, True, False, True]


def test_a_bank_that_does_not_sign_is_believed_where_the_admin_says_so() -> None:
    """The option lets unsigned answers through, and is the only thing that does."""
    reply = WireReply(status=201, headers={}, body=BODY)
    assert PROFILE.believes(reply, settings(answer_signatures="ignored"), NOW)


def test_an_old_signature_holds() -> None:
    """The standard wants iat in the past and sets no age: what binds an answer to its request is the connection."""
    assert verified(made(), BODY, settings(), NOW + timedelta(days=1))


@pytest.mark.parametrize("missing", ["signing_key_id", "signature_issuer"])
def test_settings_that_cannot_sign_are_said(missing: str) -> None:
    """A missing setting, or a key that is none, is a ValueError before anything leaves."""
    call, full = Signable(method="POST", path="/x", headers={}, body=BODY), settings()
    options = {name: value for name, value in full.options.items() if name != missing}
    with pytest.raises(ValueError, match="missing"):
        PROFILE.headers(call, BankSettings(base_url="", secrets=full.secrets, options=options), NOW)
    no_key = {"signing_key": Secret("no key")}
    with pytest.raises(ValueError, match="PEM"):
        PROFILE.headers(call, BankSettings(base_url="", secrets=no_key, options=full.options), NOW)


def test_keys_of_other_kinds_in_the_banks_set_are_left_out() -> None:
    """A key set may hold keys for other purposes; they are neither used nor an error."""
    keys = KeySet([signing_key()]).as_dict(private=False)["keys"]
    mixed = json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}, {**keys[0], "kid": KEY_ID}]})
    assert verified(made(), BODY, settings(bank_jwks=mixed), NOW)
