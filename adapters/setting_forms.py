"""Does a setting hold the address, key, certificate or key set that it has to? Pure; no message repeats any of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.declaration import SettingForm
from adapters.signing.keys import private_key, public_keys
from kernel.masked import Secret


def form_problem(form: SettingForm, text: str) -> str | None:
    """What is wrong with the text, or None."""
    reads, sentence = _FORMS[form]
    try:
        return None if reads(text) else sentence
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return sentence


def base_url_problem(text: str, paths: Sequence[str]) -> str | None:
    """What is wrong with the address before the declared beginnings of the calls' paths, or None."""
    if not _is_url(text) or "?" in text:
        return "must be an http or https URL without credentials or a query"
    path = urlsplit(text).path.rstrip("/")
    for beginning in paths:
        segments = beginning.split("/")
        twice = ["/".join(segments[:count]) for count in range(len(segments), 1, -1)]
        if found := next((each for each in twice if path.endswith(each)), None):
            return f"must end before {found}: every call adds {beginning}"
    return None


def live_problem(url: str) -> str | None:
    """Why real money may not be moved by calls to this URL, or None."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return "must be https: the bank is a live one"
    return "must not be this machine itself: the bank is a live one" if _is_loopback(parts.hostname or "") else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 §6.3


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return _URL.fullmatch(text) is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half of an IPv6 address
        return False


def _is_certificate(text: str) -> bool:
    return bool(x509.load_pem_x509_certificates(text.encode()))


def _is_private_key(text: str) -> bool:
    return bool(load_pem_private_key(text.encode(), password=None))


def _is_rsa_key(text: str) -> bool:
    return private_key(Secret(text)).is_private


def _is_key_set(text: str) -> bool:
    return bool(public_keys(text))


# RFC 6749 §3.1 and §3.2: an endpoint may have a query and no fragment.
_URL = re.compile(r"https?://[^\s/?#@]+([/?][^\s#]*)?")
_FORMS: Final[Mapping[SettingForm, tuple[Callable[[str], bool], str]]] = {
    SettingForm.CERTIFICATE: (_is_certificate, "must be a certificate in PEM"),
    SettingForm.PRIVATE_KEY: (_is_private_key, "must be a private key in PEM, without a password"),
    SettingForm.URL: (_is_url, "must be an http or https URL without credentials or a fragment"),
    SettingForm.RSA_KEY: (_is_rsa_key, "must be a private RSA key in PEM"),
    SettingForm.KEY_SET: (
        _is_key_set,
        "must be a JSON Web Key Set with RSA keys that have a kid: the set itself, not its address",
    ),
}
