"""Does a setting hold the key, certificate or key set that it is declared to? Pure; no message repeats any of it."""

from collections.abc import Callable, Mapping
from typing import Final

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


def _is_certificate(text: str) -> bool:
    return bool(x509.load_pem_x509_certificates(text.encode()))


def _is_private_key(text: str) -> bool:
    return bool(load_pem_private_key(text.encode(), password=None))


def _is_rsa_key(text: str) -> bool:
    return private_key(Secret(text)).is_private


def _is_key_set(text: str) -> bool:
    return bool(public_keys(text))


_FORMS: Final[Mapping[SettingForm, tuple[Callable[[str], bool], str]]] = {
    SettingForm.CERTIFICATE: (_is_certificate, "must be a certificate in PEM"),
    SettingForm.PRIVATE_KEY: (_is_private_key, "must be a private key in PEM, without a password"),
    SettingForm.RSA_KEY: (_is_rsa_key, "must be a private RSA key in PEM"),
    SettingForm.KEY_SET: (
        _is_key_set,
        "must be a JSON Web Key Set with RSA keys that have a kid: the set itself, not its address",
    ),
}
