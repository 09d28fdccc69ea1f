"""Key-encryption keys: 32 bytes each, named, from a file or the environment. The first one wraps, all of them unwrap.

    2026-11:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
    2025-04:7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq80=

To rotate: add a new line at the end and restart every process, so that all know it; move it to the front and restart
again; the workers run `Vault.rewrap`, and once that returns 0 the old line may go.
A wrapped key is version (1) · nonce (12) · ciphertext · tag (16), AES-256-GCM; random nonces allow 2^32 wrappings.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.sections import KeySettings
from kernel.sealing import KeyEncryptionKeyMissing, KeyProvider, SealBroken

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeysError(Exception):
    """The key-encryption keys cannot be used. One line, without any of their bytes."""


class NamedKeys:
    """`kernel.sealing.KeyProvider` on keys that this process holds."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """The first key is the current one. Raises KeysError where there is none."""
        if not keys:
            raise KeysError("there is no key-encryption key")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current_id = next(iter(keys))

    @property
    def current_id(self) -> str:
        """The id of the key that wraps."""
        return self._current_id

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap a data key with the current key."""
        nonce = os.urandom(_NONCE_BYTES)
        bound = _bound(self._current_id, context)
        return _VERSION + nonce + self._ciphers[self._current_id].encrypt(nonce, key, bound)

    def unwrap(self, kek_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises KeyEncryptionKeyMissing or SealBroken."""
        cipher = self._ciphers.get(kek_id)
        if cipher is None:
            raise KeyEncryptionKeyMissing
        start = len(_VERSION) + _NONCE_BYTES
        try:
            if not wrapped.startswith(_VERSION):
                raise SealBroken
            return cipher.decrypt(wrapped[len(_VERSION) : start], wrapped[start:], _bound(kek_id, context))
        except (InvalidTag, ValueError):
            raise SealBroken from None


def open_provider(settings: KeySettings, environment: Mapping[str, str]) -> KeyProvider:
    """The provider that the settings choose. Raises KeysError."""
    if settings.provider == "file":
        return keys_from_file(Path(settings.file))
    return keys_from_environment(environment, settings.variable)


def keys_from_file(path: Path) -> NamedKeys:
    """Keys of a file that only its owner can read. Raises KeysError."""
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o177:
                raise KeysError(f"{path}: others may read or change it; run chmod 600 on it")
            text = file.read()
    except OSError as error:
        raise KeysError(f"{path}: the file of key-encryption keys cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise KeysError(f"{path}: the file of key-encryption keys is not ASCII") from None
    return NamedKeys(_parse(text, str(path)))


def keys_from_environment(environment: Mapping[str, str], variable: str) -> NamedKeys:
    """Keys of an environment variable, apart by commas or lines. Raises KeysError."""
    text = environment.get(variable, "")
    if not text.strip():
        raise KeysError(f"{variable}: is not set, and keys.provider is environment")
    return NamedKeys(_parse(text, variable))


def create_key_file(path: Path, now: datetime) -> None:
    """Make a file with one new key, named after the day. Raises FileExistsError: a key is never overwritten."""
    line = f"{now:%Y-%m-%d}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(line)


def _parse(text: str, where: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(re.split(r"[,\n]", text), start=1):
        line = entry.strip()
        if not line or line.startswith("#"):
            continue
        name, _, encoded = line.partition(":")
        if not _NAME.fullmatch(name) or name in keys:
            raise KeysError(f"{where}: entry {number} has no name, or one that stands twice; write name:base64")
        keys[name] = _decoded(encoded, f"{where}: key {name}")
    if not keys:
        raise KeysError(f"{where}: holds no key-encryption key; write name:base64 of {_KEY_BYTES} random bytes")
    return keys


def _decoded(encoded: str, what: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise KeysError(f"{what} is not base64") from None
    if len(key) != _KEY_BYTES:
        raise KeysError(f"{what} has {len(key)} bytes; it needs {_KEY_BYTES}")
    return key


def _bound(kek_id: str, context: bytes) -> bytes:
    """What is authenticated: the version and the key's own name too."""
    return _VERSION + kek_id.encode() + b"\x00" + context
