"""Clients of partners that prove themselves with keys and certificates, made when they are asked for."""

import hmac
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.support.edge import TOKENS, Answer, Edge

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Making one takes so long that no event loop should wait for it.
_RSA = RSAKey.generate_key(2048).as_dict(private=True)
_MAKE = {
    "ES256": lambda options: ECKey.generate_key("P-256", options),
    "PS256": lambda options: RSAKey.import_key(_RSA, options),
    "EdDSA": lambda options: OKPKey.generate_key("Ed25519", options),
    "Ed25519": lambda options: OKPKey.generate_key("Ed25519", options),
}


def signed(header: dict[str, Any], claims: dict[str, Any], key: ECKey | RSAKey | OKPKey | bytes) -> str:
    """A JWT of exactly these parts, however wrong they are; with bytes for a key by HS256."""
    parts = [urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in (header, claims)]
    content = b".".join(parts)
    if isinstance(key, bytes):
        signature = hmac.digest(key, content, "sha256")
    else:
        algorithm = JWSRegistry.algorithms["Ed25519" if header["alg"] == "EdDSA" else header["alg"]]
        signature = algorithm.sign(content, key)
    return b".".join([content, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key pair, and the algorithm that it signs with."""

    key: ECKey | RSAKey | OKPKey
    algorithm: str

    @classmethod
    def new(cls, algorithm: str = "ES256", kid: str = "one") -> "Signer":
        """A pair made now."""
        return cls(key=_MAKE[algorithm]({"kid": kid}), algorithm=algorithm)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        return dict(self.key.as_dict(private=False))

    def assertion(self, client_id: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An assertion of this moment; a claim of None is left out."""
        now = int(time.time())
        usual = {"iss": client_id, "sub": client_id, "aud": TOKENS.issuer, "iat": now, "exp": now + 60}
        wanted = {**usual, "jti": uuid4().hex, **claims}
        given = {name: value for name, value in wanted.items() if value is not None}
        head = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid, **(header or {})}
        return signed({name: value for name, value in head.items() if value is not None}, given, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def header(self) -> dict[str, str]:
        """What a proxy sends when this was shown in its handshake (RFC 9440)."""
        return {"Client-Cert": f":{b64encode(self.der).decode()}:"}

    @property
    def jwk(self) -> dict[str, Any]:
        """The certificate as a client registers it (RFC 8705 §2.2.2)."""
        key = ECKey.import_key(self.key_pem.decode()).as_dict(private=False)
        return {**key, "x5c": [b64encode(self.der).decode()]}


def holder(
    name: str = "Example Client", *, issuer: Holder | None = None, is_ca: bool = False, days: int = 1, **names: str
) -> Holder:
    """A certificate by the issuer, or by itself; `names` are alternative ones: dns, uri, ip, email."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=30),
        not_valid_after=now + timedelta(days=days),
    ).add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
    return Holder(certificate=builder.sign(issuer.key if issuer else key, SHA256()), key=key)


def _general_names(names: dict[str, str]) -> list[x509.GeneralName]:
    kinds: dict[str, Any] = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "email": x509.RFC822Name,
        "ip": lambda text: x509.IPAddress(ip_address(text)),
    }
    return [kinds[kind](value) for kind, value in names.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A partner, and the answer of the admin API that registered its client."""

    partner_id: str
    answer: Answer

    @property
    def id(self) -> str:
        """The client's id."""
        return str(self.answer.json["id"])

    @property
    def path(self) -> str:
        """The client on the admin API."""
        return f"/admin/v1/partners/{self.partner_id}/clients/{self.id}"


async def register(edge: Edge, partner_id: str | None = None, **members: Any) -> Registered:
    """A client of a partner, a new one by default; the answer is not looked at."""
    if partner_id is None:
        made = await edge.call("POST", "/admin/v1/partners", admin=True, json={"name": "Example Partner"})
        partner_id = str(made.json["id"])
    body = {"name": "shop", "environment": "test", "scopes": ["payments:read"], **members}
    answer = await edge.call("POST", f"/admin/v1/partners/{partner_id}/clients", admin=True, json=body)
    return Registered(partner_id=partner_id, answer=answer)


async def with_key(edge: Edge, signer: Signer, **members: Any) -> Registered:
    """A client that proves itself with this key."""
    made = await register(edge, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [signer.jwk]}, **members)
    assert made.answer.status == 201, made.answer.raw
    return made


async def ask(edge: Edge, form: dict[str, str], **headers: str) -> Answer:
    """Ask the token endpoint."""
    data = {"grant_type": "client_credentials", **form}
    return await edge.call("POST", "/oauth/token", data=data, headers=headers)


async def prove(edge: Edge, assertion: str, **form: str) -> Answer:
    """Ask for a token with an assertion."""
    return await ask(edge, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **form})


def is_refused(answer: Answer, words: str = "") -> bool:
    """Whether it is an error of RFC 6749 §5.2 about the client."""
    shape = answer.status == 401 and answer.json["error"] == "invalid_client"
    return shape and set(answer.json) == {"error", "error_description"} and words in answer.json["error_description"]
