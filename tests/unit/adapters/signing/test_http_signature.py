"""Signatures of NextGenPSD2: as the drafts' own examples have them, over exactly what the standard lists."""

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_curve_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from adapters.berlin_group.simulator.door.certificates import trust
from adapters.contract import BankSettings
from adapters.signing.http_signature import HttpSignature, digest, key_id, parameters_of, sign, signing_string, verify
from adapters.signing.profile import Signable
from adapters.wire import WireReply, WireRequest
from kernel.masked import Secret

NOW = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
BODY = b'{"amount":"12.34"}'
# The key of draft-cavage-http-signatures-10, appendix C.
DRAFT_KEY = """-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF
NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F
UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB
AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA
QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK
kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg
f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u
412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc
mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7
kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA
gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW
G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI
7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==
-----END RSA PRIVATE KEY-----
"""
DRAFT_SIGNATURE = (
    "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3HMbe8VfEdKFYRqzic+efkb3"
    "nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0="
)
REQUEST = {"X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721", "Date": "Sun, 06 Aug 2017 15:02:37 GMT"}


def call(headers: Mapping[str, str] | None = None, body: bytes = BODY) -> Signable:
    return Signable(method="POST", path="/v1/payments/x", headers=headers or REQUEST, body=body)


def settings(**options: str) -> BankSettings:
    pair = trust().client
    own = {"signing_certificate": pair.certificate_pem, **options}
    return BankSettings(base_url="", secrets={"signing_key": Secret(pair.key_pem)}, options=own)


def received(signable: Signable, **options: str) -> dict[str, str]:
    """The headers as a server gets them."""
    signed = HttpSignature().headers(signable, settings(**options), NOW)
    return {name.lower(): value for name, value in {**signable.headers, **signed}.items()}


def test_the_drafts_own_example_is_signed_as_there() -> None:
    """The signing string and the signature are those of draft-cavage-http-signatures-10, appendix C.2."""
    key: Any = load_pem_private_key(DRAFT_KEY.encode(), password=None)
    sent = {"host": "example.com", "date": "Sun, 05 Jan 2014 21:31:40 GMT"}
    request = Signable(method="POST", path="/foo?param=value&pet=dog", headers=sent, body=b"")
    text = signing_string(("(request-target)", "host", "date"), sent, request)
    lines = [b"(request-target): post /foo?param=value&pet=dog", b"host: example.com"]
    assert text == b"\n".join([*lines, b"date: Sun, 05 Jan 2014 21:31:40 GMT"])
    assert sign(key, text, "rsa-sha256") == DRAFT_SIGNATURE


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"hello": "world"}', "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
        (b"", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
)
def test_every_body_has_its_digest(body: bytes, wanted: str) -> None:
    """The digest is that of the drafts' example; an empty body has one too."""
    assert digest(body) == wanted
    assert received(call(body=body))["digest"] == wanted


@pytest.mark.parametrize(
    ("headers", "covers", "wanted"),
    [
        ({}, {}, "digest x-request-id"),
        ({"TPP-Redirect-URI": "https://tpp.example/back"}, {}, "digest x-request-id tpp-redirect-uri"),
        ({"PSU-ID": "p", "PSU-Corporate-ID": "c"}, {}, "digest x-request-id psu-id psu-corporate-id"),
        (
            {"PSU-IP-Address": "203.0.113.7", "TPP-Nok-Redirect-URI": "https://tpp.example/no"},
            {},
            "digest x-request-id",
        ),
        ({}, {"signature_covers": "date"}, "date digest x-request-id"),
        ({}, {"signature_covers": "(request-target) date"}, "(request-target) date digest x-request-id"),
    ],
)
def test_exactly_the_listed_headers_are_signed(headers: dict[str, str], covers: dict[str, str], wanted: str) -> None:
    """Digest and X-Request-ID always, three more where they are sent, others only where the bank's option says so."""
    given = received(call({**REQUEST, **headers}), **covers)
    assert parameters_of(given["signature"])["headers"] == wanted
    assert verify(given, BODY, trust().client.certificate, call())


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512"])
def test_the_certificate_is_named_and_sent(algorithm: str) -> None:
    """The keyId has the serial in hexadecimal and the issuer's name; the certificate goes with it in base64."""
    given, certificate = received(call(), signature_algorithm=algorithm), trust().client.certificate
    parameters = parameters_of(given["signature"])
    issuer = r"CN=Example Trust Services\, Ltd.,C=DE"
    assert parameters["keyId"] == f"SN={certificate.serial_number:x},CA={issuer}"
    assert parameters["algorithm"] == algorithm
    sent = base64.b64decode(given["tpp-signature-certificate"], validate=True)
    assert x509.load_der_x509_certificate(sent) == certificate
    assert verify(given, BODY, certificate, call())


@pytest.mark.parametrize(
    "change",
    [
        {"digest": digest(b"other")},
        {"digest": "MD5=rL0Y20zC+Fzt72VPzMSk2A=="},
        {"digest": ""},
        {"x-request-id": "11111111-ad88-49ec-a2ad-99ddcb1f7721"},
        {"tpp-redirect-uri": "https://thief.example/"},
        {"signature": ""},
        {"signature": 'keyId="k",algorithm="hs2019",headers="digest x-request-id",signature="AA=="'},
        {"signature": 'keyId="k",algorithm="rsa-sha256",headers="x-request-id",signature="AA=="'},
        {"signature": 'keyId="k",algorithm="rsa-sha256",headers="digest x-request-id",signature="?"'},
    ],
)
def test_a_changed_request_is_not_believed(change: dict[str, str]) -> None:
    """Any change of the body, of a signed header or of the signature itself is seen."""
    headers = {**REQUEST, "TPP-Redirect-URI": "https://tpp.example/back"}
    given, certificate = received(call(headers)), trust().client.certificate
    assert verify(given, BODY, certificate, call())
    assert not verify({**given, **change}, BODY, certificate, call())
    assert not verify(given, BODY + b" ", certificate, call())
    assert not verify(given, BODY, trust().bank.certificate, call())


def test_settings_that_cannot_sign_are_said() -> None:
    """Half a pair, another kind of key and an unknown algorithm raise ValueError; without a pair nothing is signed."""
    profile, whole = HttpSignature(), settings()
    curve = new_curve_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert profile.headers(call(), BankSettings(base_url=""), NOW) == {}
    wrong = [
        BankSettings(base_url="", options=whole.options),
        BankSettings(base_url="", secrets=whole.secrets),
        BankSettings(base_url="", secrets={"signing_key": Secret(curve)}, options=whole.options),
        settings(signature_algorithm="none"),
        settings(signing_certificate="no certificate"),
        settings(signature_covers="date"),
    ]
    for each in wrong:
        with pytest.raises(ValueError, match=r"."):
            profile.headers(call({"X-Request-ID": "1"}), each, NOW)


def test_a_bank_that_signs_is_believed_under_its_own_signature_only() -> None:
    """With the bank's certificate known, an unsigned, altered or foreign answer is not believed; without, all are."""
    own = trust().bank
    bank = BankSettings(
        base_url="", secrets={"signing_key": Secret(own.key_pem)}, options={"signing_certificate": own.certificate_pem}
    )
    signed = HttpSignature().headers(call(), bank, NOW)
    headers = {name.lower(): value for name, value in {**REQUEST, **signed}.items()}
    known, profile = (
        BankSettings(base_url="", options={"bank_signing_certificate": own.certificate_pem}),
        HttpSignature(),
    )
    assert profile.believes(WireReply(status=201, headers=headers, body=BODY), known, NOW)
    assert not profile.believes(WireReply(status=201, headers=headers, body=b"{}"), known, NOW)
    assert not profile.believes(WireReply(status=201, headers={}, body=BODY), known, NOW)
    other = BankSettings(base_url="", options={"bank_signing_certificate": trust().client.certificate_pem})
    assert not profile.believes(WireReply(status=201, headers=headers, body=BODY), other, NOW)
    broken = BankSettings(base_url="", options={"bank_signing_certificate": "?"})
    assert not profile.believes(WireReply(status=201, headers=headers, body=BODY), broken, NOW)
    assert profile.believes(WireReply(status=201, headers={}, body=BODY), BankSettings(base_url=""), NOW)


def test_a_signed_answer_to_another_request_is_not_believed() -> None:
    """The bank's signature covers the id of the request that it answers: replayed for another, it proves nothing."""
    own = trust().bank
    bank = BankSettings(
        base_url="", secrets={"signing_key": Secret(own.key_pem)}, options={"signing_certificate": own.certificate_pem}
    )
    signed = HttpSignature().headers(call(), bank, NOW)
    headers = {name.lower(): value for name, value in {**REQUEST, **signed}.items()}
    known = BankSettings(base_url="", options={"bank_signing_certificate": own.certificate_pem})
    for asked, believed in ((headers["x-request-id"].upper(), True), ("3dc3d5b3-7023-4848-9829-de8fa34b6b7f", False)):
        request = WireRequest(method="GET", path="/", headers=(("X-Request-ID", asked),))
        reply = WireReply(status=201, headers=headers, body=BODY, request=request)
        assert HttpSignature().believes(reply, known, NOW) is believed


def test_an_issuers_name_is_told_in_ascii_and_without_quotes() -> None:
    """A quote or a letter beyond ASCII would end or break the header, so RFC 4514's pairs stand for it."""
    certificate = _issued_by('Müller "Trust" AG')
    name = key_id(certificate).partition(",CA=")[2]
    assert name == r"CN=M\C3\BCller \22Trust\22 AG"


def _issued_by(name: str) -> x509.Certificate:
    authority = trust().authority
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=issuer,
        public_key=authority.key.public_key(),
        serial_number=1,
        not_valid_before=NOW,
        not_valid_after=NOW + dt.timedelta(days=1),
    )
    hashes = authority.certificate.signature_hash_algorithm
    assert hashes is not None
    return builder.sign(authority.key, hashes)
