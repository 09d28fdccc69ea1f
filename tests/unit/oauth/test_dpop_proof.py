"""Proofs of possession, by the RFCs' own vectors and by what RFC 9449 §4.3 asks to be checked."""

import base64
import warnings
from collections.abc import Callable
from math import gcd
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.oauth.dpop.proof import Proof, ProofRefused, read_proof, token_digest
from gateway.oauth.dpop.target import Target

# RFC 9449 §4.1, figure 2, and §7.1, figure 12.
TOKEN_REQUEST_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJ"
    "oRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.ey"
    "JqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0I"
    "joxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RESOURCE_REQUEST_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJ"
    "oRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.ey"
    "JqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZ"
    "XNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP3"
    "5yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
ACCESS_TOKEN = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

HERE = Target("POST", "https://api.example.com/v1/payments")
WRITING = jws.JWSRegistry(algorithms=["ES256", "ES384", "PS256", "EdDSA", "Ed25519"], strict_check_header=False)
CLAIMS = {"jti": "a-jti", "htm": "POST", "htu": HERE.uri, "iat": 1_000}
EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
ED = OKPKey.generate_key("Ed25519")


def made(claims: dict[str, Any] | None = None, key: Any = EC, **header: Any) -> str:
    """A proof with this key, and with what a case says otherwise; None leaves a member out."""
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False), **header}
    said = {name: value for name, value in {**CLAIMS, **(claims or {})}.items() if value is not None}
    kept = {name: value for name, value in head.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of EdDSA, and of keys that are too short
        return jwt.encode(kept, said, key, registry=WRITING, default_type=None)


def test_the_proof_of_a_token_request_in_rfc_9449_is_read() -> None:
    """RFC 9449 §4.1: our reading of its example is the example's."""
    proof = read_proof(TOKEN_REQUEST_PROOF, Target("POST", "https://server.example.com/token"))
    assert proof == Proof(
        thumbprint=THUMBPRINT, jti="-BwC3ESc6acc2lTc", issued_at=1562262616, nonce=None, token_digest=None
    )


def test_the_proof_of_a_resource_request_in_rfc_9449_fits_its_token() -> None:
    """RFC 9449 §7.1: the example's `ath` is the digest of its access token, and of no other."""
    proof = read_proof(RESOURCE_REQUEST_PROOF, Target("GET", "https://resource.example.org/protectedresource"))
    assert proof.thumbprint == THUMBPRINT
    assert token_digest(ACCESS_TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    proof.check_token(ACCESS_TOKEN)
    with pytest.raises(ProofRefused, match="ath"):
        proof.check_token(ACCESS_TOKEN + b"x")


def test_the_thumbprint_of_rfc_7638_is_ours() -> None:
    """RFC 7638 §3.1: members beyond the required ones do not count."""
    key = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n"
            "3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd"
            "AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur"
            "-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert RSAKey.import_key(key).thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(("algorithm", "key"), [("ES256", EC), ("PS256", RSA), ("EdDSA", ED), ("Ed25519", ED)])
def test_every_algorithm_of_the_metadata_is_read(algorithm: str, key: Any) -> None:
    """What dpop_signing_alg_values_supported lists, works."""
    assert read_proof(made(key=key, alg=algorithm), HERE).thumbprint == key.thumbprint()


def _none() -> str:
    head = {"typ": "dpop+jwt", "alg": "none", "jwk": EC.as_dict(private=False)}
    return f"{base64.urlsafe_b64encode(orjson.dumps(head)).rstrip(b'=').decode()}.{made().split('.')[1]}."


def _hmac() -> str:
    key = OctKey.import_key("x" * 32)
    head = {"typ": "dpop+jwt", "alg": "HS256", "jwk": key.as_dict()}
    return jwt.encode(head, CLAIMS, key, algorithms=["HS256"])


def _other_curve() -> str:
    key = ECKey.generate_key("P-384")
    return made(key=key, alg="ES384")


def _short() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return made(key=RSAKey.generate_key(1024), alg="PS256")


def _costly() -> str:
    """Signed rightly, by a key whose exponent is as long as its modulus."""
    numbers = RSA.private_key.private_numbers()
    order = (numbers.p - 1) * (numbers.q - 1)
    exponent = next(each for each in range((1 << 2040) + 1, 1 << 2041, 2) if gcd(each, order) == 1)
    secret = pow(exponent, -1, order)
    made_of = (numbers.p, numbers.q, secret, secret % (numbers.p - 1), secret % (numbers.q - 1), numbers.iqmp)
    key = RSAPrivateNumbers(*made_of, RSAPublicNumbers(exponent, numbers.public_numbers.n)).private_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made(key=RSAKey.import_key(pem), alg="PS256")


def _written(payload: bytes) -> str:
    """A proof of claims that no library writes."""
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": EC.as_dict(private=False)}
    return jws.serialize_compact(head, payload, EC, registry=WRITING)


def _deep_header() -> str:
    text = b'{"typ":"dpop+jwt","alg":"ES256","jwk":' + b"[" * 1400 + b"]" * 1400 + b"}"
    return f"{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.e30.AAAA"


REFUSED: dict[str, Callable[[], str]] = {
    "no JWT": lambda: "x",
    "another script": lambda: "é" * 10,
    "too long": lambda: "a" * 5000,
    "another typ": lambda: made(typ="JWT"),
    "no typ": lambda: made(typ=None),
    "alg none": _none,
    "a symmetric alg": _hmac,
    "an alg that we do not offer": _other_curve,
    "no jwk": lambda: made(jwk=None),
    "a private jwk": lambda: made(jwk=EC.as_dict(private=True)),
    "a jwk of another type": lambda: made(jwk=RSA.as_dict(private=False)),
    "another key": lambda: made(jwk=ECKey.generate_key("P-256").as_dict(private=False)),
    "a short RSA key": _short,
    "an RSA key that is dear to verify with": _costly,
    "tampered": lambda: made()[:-6] + "AAAAAA",
    "another method": lambda: made({"htm": "GET"}),
    "a method in lower case": lambda: made({"htm": "post"}),
    "no htm": lambda: made({"htm": None}),
    "another path": lambda: made({"htu": "https://api.example.com/v1/events"}),
    "another host": lambda: made({"htu": "https://other.example.com/v1/payments"}),
    "another scheme": lambda: made({"htu": "http://api.example.com/v1/payments"}),
    "user and password": lambda: made({"htu": "https://u:p@api.example.com/v1/payments"}),
    "no URI": lambda: made({"htu": "https://[x"}),
    "no htu": lambda: made({"htu": None}),
    "no jti": lambda: made({"jti": None}),
    "an empty jti": lambda: made({"jti": ""}),
    "a long jti": lambda: made({"jti": "j" * 257}),
    "no iat": lambda: made({"iat": None}),
    "an iat as text": lambda: made({"iat": "1000"}),
    "an iat that is no number": lambda: made({"iat": float("nan")}),
    "an iat without end": lambda: made({"iat": float("inf")}),
    "an iat beyond all clocks": lambda: made({"iat": 10**400}),
    "claims that nest too deep": lambda: _written(b'{"htm":' + b"[" * 1200 + b"]" * 1200 + b"}"),
    "a header that nests too deep": _deep_header,
    "a nonce that is no text": lambda: made({"nonce": 5}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_proof_that_does_not_hold_is_refused(name: str) -> None:
    """RFC 9449 §4.3, checks 2 to 9: each by itself, and no error repeats what was sent."""
    assert read_proof(made(), HERE)
    sent = REFUSED[name]()
    with pytest.raises(ProofRefused) as refused:
        read_proof(sent, HERE)
    assert refused.value.code == "invalid_dpop_proof"
    assert sent not in refused.value.words or len(sent) < 3


@pytest.mark.parametrize(
    "uri",
    [
        "https://api.example.com/v1/payments",
        "https://api.example.com/v1/payments?limit=5#top",
        "HTTPS://API.Example.COM/v1/payments",
        "https://api.example.com:443/v1/payments",
        "https://api.example.com/v1/%70ayments",
    ],
)
def test_equal_uris_are_equal(uri: str) -> None:
    """RFC 3986 §6.2.2 and §6.2.3: case of scheme and host, default port, needless escapes; query and fragment go."""
    assert read_proof(made({"htu": uri}), HERE)


def test_escapes_that_mean_something_stay() -> None:
    """%2F is not a slash; its digits' case does not matter."""
    target = Target("GET", "https://api.example.com/v1/banks/a%2fb")
    assert target.is_named_by("GET", "https://api.example.com/v1/banks/a%2Fb")
    assert not target.is_named_by("GET", "https://api.example.com/v1/banks/a/b")


def test_a_path_that_is_empty_is_the_root() -> None:
    """RFC 3986 §6.2.3."""
    assert Target("GET", "https://api.example.com/").is_named_by("GET", "https://api.example.com")


@pytest.mark.parametrize(("iat", "good"), [(1_000, True), (1_060, True), (1_061, False), (700, True), (699, False)])
def test_a_proof_is_made_lately(iat: int, good: bool) -> None:  # noqa: FBT001 - a table
    """Up to a minute ahead of our clock and up to the age that is asked for behind it."""
    proof = read_proof(made({"iat": iat}), HERE)
    if good:
        proof.check_time(1_000, 300)
    else:
        with pytest.raises(ProofRefused, match="iat"):
            proof.check_time(1_000, 300)


def test_a_jti_that_is_no_proper_text_is_remembered_like_any() -> None:
    """Half of a surrogate pair is JSON, and no UTF-8."""
    claims = orjson.dumps({**CLAIMS, "jti": "JTI", "ath": "JTI"}).replace(b"JTI", rb"\ud800")
    proof = read_proof(_written(claims), HERE)
    assert len(proof.digest) == 32
    with pytest.raises(ProofRefused):
        proof.check_token(b"token")


def test_what_is_remembered_tells_keys_and_jtis_apart() -> None:
    """Two clients may choose one jti."""
    first, second = read_proof(made(), HERE), read_proof(made(key=ECKey.generate_key("P-256")), HERE)
    assert first.digest == read_proof(made(), HERE).digest != second.digest
    assert first.digest != read_proof(made({"jti": "another"}), HERE).digest
