"""What clients are registered with: which metadata each method takes, and what they must be (RFC 7591, RFC 8705)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.oauth.clients.credentials import BindingCertificates, Credentials, Subject, SubjectKind
from gateway.oauth.clients.keys import KEYS_MAX, certificate_problem, has_expired, key_problem
from gateway.oauth.clients.methods import Method, MethodPolicy
from gateway.oauth.tokens.binding import TokenBinding
from kernel.errors import FieldError, Invalid
from webhooks.endpoints.checks.certificates import UNREADABLE
from webhooks.endpoints.urls import UrlRules, check_url

_SUBJECTS = tuple(kind.value for kind in SubjectKind)
# Of these a client of a method names exactly one; those of other methods have no meaning for it.
METADATA_OF: Mapping[Method, tuple[str, ...]] = {
    Method.SECRET_BASIC: (),
    Method.SECRET_POST: (),
    Method.PRIVATE_KEY_JWT: ("jwks", "jwks_uri"),
    Method.TLS: _SUBJECTS,
    Method.SELF_SIGNED_TLS: ("jwks",),
}
METADATA = ("jwks", "jwks_uri", *_SUBJECTS)
_METHOD = "/token_endpoint_auth_method"
_BINDING = "/token_binding_certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules:
    """Which methods are on, and what a `jwks_uri` may be."""

    methods: MethodPolicy = field(default_factory=MethodPolicy)
    urls: UrlRules = field(default_factory=UrlRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How a client proves who it is. Without credentials it has a secret."""

    method: Method
    credentials: Credentials | None = None


def registration(method: Method, metadata: Mapping[str, Any], rules: RegistrationRules, now: datetime) -> Registration:
    """From the metadata that were given, by their names. Raises Invalid with every field that is wrong."""
    errors = _method_errors(method, metadata, rules)
    if not errors:
        errors = [error for name, value in metadata.items() for error in _CHECKS[name](method, value, rules)]
    if not errors and method is Method.SELF_SIGNED_TLS:
        errors = _expired(metadata["jwks"]["keys"], now)
    if errors:
        raise Invalid(errors)
    return Registration(method=method, credentials=_credentials(metadata))


def check_binding(binding: TokenBinding | None, rules: RegistrationRules) -> None:
    """Raises Invalid where tokens are to be bound to certificates that nobody tells this installation of."""
    if binding is TokenBinding.MTLS and not rules.methods.self_signed_tls:
        raise Invalid([_error("/token_binding", "not_offered", "Client certificates do not reach this installation.")])


def binding_certificates(binding: TokenBinding, pems: Sequence[str], now: datetime) -> BindingCertificates | None:
    """What the tokens may be bound to, from one PEM each; None where none is named. Raises Invalid."""
    if pems and binding is not TokenBinding.MTLS:
        raise Invalid([_error(_BINDING, "not_for_binding", "Only tokens with the token_binding mtls have them.")])
    read = [_certificate(pem) for pem in pems]
    problems = {index: problem for index, one in enumerate(read) if (problem := _pem_problem(one, now)) is not None}
    if problems:
        raise Invalid([_error(f"{_BINDING}/{index}", *problem) for index, problem in problems.items()])
    return BindingCertificates([one.public_bytes(Encoding.DER) for one in read if one is not None]) if read else None


def _certificate(pem: str) -> x509.Certificate | None:
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except UNREADABLE:
        return None
    return certificates[0] if len(certificates) == 1 and "PRIVATE KEY" not in pem else None


def _pem_problem(certificate: x509.Certificate | None, now: datetime) -> tuple[str, str] | None:
    if certificate is None:
        return "format", "Expected one certificate as PEM, without those of its issuers, and never with a key."
    if certificate.not_valid_after_utc < now:
        return "certificate_expired", "This certificate has expired: send a new one."
    return None


def _method_errors(method: Method, metadata: Mapping[str, Any], rules: RegistrationRules) -> list[FieldError]:
    offered, takes = rules.methods.offered, METADATA_OF[method]
    if method not in offered:
        return [_error(_METHOD, "not_offered", f"Offered here: {', '.join(offered)}.")]
    strange = [
        _error(f"/{name}", "not_for_method", f"A client with {method} does not have it.")
        for name in metadata
        if name not in takes
    ]
    if strange or not takes:
        return strange
    if not metadata:
        return [_error(_METHOD, "incomplete", f"A client with {method} needs {' or '.join(takes)}.")]
    extra = list(metadata)[1:]
    return [_error(f"/{name}", "one_of", f"Send one of {', '.join(takes)}.") for name in extra]


def _credentials(metadata: Mapping[str, Any]) -> Credentials | None:
    for name, value in metadata.items():
        if name == "jwks":
            return Credentials(jwks=value["keys"])
        if name == "jwks_uri":
            return Credentials(jwks_uri=value)
        return Credentials(subject=Subject(kind=SubjectKind(name), value=value))
    return None


def _jwks_errors(method: Method, value: Any, rules: RegistrationRules) -> list[FieldError]:  # noqa: ARG001 - one of a table
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= KEYS_MAX:
        return [_error("/jwks/keys", "format", f"Expected 1 to {KEYS_MAX} keys (RFC 7517 §5).")]
    problem = certificate_problem if method is Method.SELF_SIGNED_TLS else key_problem
    found = [(index, problem(key)) for index, key in enumerate(keys)]
    errors = [_error(f"/jwks/keys/{index}", "invalid_key", words) for index, words in found if words is not None]
    return errors or _repeated_kids(keys)


def _expired(keys: Sequence[Mapping[str, Any]], now: datetime) -> list[FieldError]:
    """The certificate is all that such a client has; one that is over proves nothing, here or in a handshake."""
    return [
        _error(f"/jwks/keys/{index}/x5c/0", "certificate_expired", "This certificate has expired: send a new one.")
        for index, key in enumerate(keys)
        if has_expired(key, now)
    ]


def _repeated_kids(keys: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    kids = [key["kid"] for key in keys if "kid" in key]
    twice = len(kids) != len(set(kids))
    return [_error("/jwks/keys", "repeated", "Two keys have the same kid.")] if twice else []


def _uri_errors(method: Method, value: str, rules: RegistrationRules) -> list[FieldError]:  # noqa: ARG001 - one of a table
    return check_url(value, rules.urls, "/jwks_uri")


def _subject_errors(
    name: str, words: str, is_good: Callable[[str], object]
) -> Callable[[Method, str, RegistrationRules], list[FieldError]]:
    def check(method: Method, value: str, rules: RegistrationRules) -> list[FieldError]:  # noqa: ARG001 - one of a table
        try:
            good = bool(is_good(value))
        except ValueError:
            good = False
        return [] if good else [_error(f"/{name}", "format", words)]

    return check


def _error(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)


_CHECKS: Mapping[str, Callable[[Method, Any, RegistrationRules], list[FieldError]]] = {
    "jwks": _jwks_errors,
    "jwks_uri": _uri_errors,
    SubjectKind.DN: _subject_errors(
        SubjectKind.DN,
        "Expected a name as RFC 4514 writes it, e.g. CN=shop,O=Example Books Ltd,C=GB.",
        x509.Name.from_rfc4514_string,
    ),
    SubjectKind.DNS: _subject_errors(
        SubjectKind.DNS, "Expected a host name.", lambda text: "." in text and " " not in text
    ),
    SubjectKind.URI: _subject_errors(SubjectKind.URI, "Expected an absolute URI.", lambda text: ":" in text),
    SubjectKind.IP: _subject_errors(SubjectKind.IP, "Expected an IPv4 or IPv6 address.", ip_address),
    SubjectKind.EMAIL: _subject_errors(SubjectKind.EMAIL, "Expected an e-mail address.", lambda text: "@" in text),
}
