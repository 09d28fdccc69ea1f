import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config.keys import NamedKeys, keys_from_environment, keys_from_file
from kernel.sealing import KeyEncryptionKeyMissing, KeyProvider, SealBroken
from tests.support.keys import StaticKeys

OLD, NEW = os.urandom(32), os.urandom(32)
DATA_KEY = os.urandom(32)
CONTEXT = b"data_keys:some row"

# Given named keys, the current one first, each makes its kind of provider.
Opened = Callable[[Mapping[str, bytes]], KeyProvider]


def lines(keys: Mapping[str, bytes]) -> str:
    return "\n".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


@pytest.fixture(params=["file", "environment", "fixed"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Every provider that a Vault is ever given, the one of the tests included."""

    def from_file(keys: Mapping[str, bytes]) -> KeyProvider:
        path = tmp_path / "keys"
        path.write_text(lines(keys), encoding="ascii")
        path.chmod(0o600)
        return keys_from_file(path)

    def from_environment(keys: Mapping[str, bytes]) -> KeyProvider:
        return keys_from_environment({"KEYS": lines(keys).replace("\n", ",")}, "KEYS")

    def fixed(keys: Mapping[str, bytes]) -> KeyProvider:
        provider = StaticKeys(next(iter(keys)))
        provider._keys = dict(keys)
        return provider

    makers: dict[str, Opened] = {"file": from_file, "environment": from_environment, "fixed": fixed}
    return makers[request.param]


def test_what_is_wrapped_unwraps(opened: Opened) -> None:
    """A data key comes back byte for byte, also from a second process with the same keys."""
    provider = opened({"new": NEW})
    wrapped = provider.wrap(DATA_KEY, CONTEXT)
    assert DATA_KEY not in wrapped
    assert opened({"new": NEW}).unwrap("new", wrapped, CONTEXT) == DATA_KEY


def test_no_wrapping_repeats(opened: Opened) -> None:
    """The same key wrapped twice gives different bytes."""
    provider = opened({"new": NEW})
    assert provider.wrap(DATA_KEY, CONTEXT) != provider.wrap(DATA_KEY, CONTEXT)


def test_the_first_key_is_current(opened: Opened) -> None:
    """During a rotation the first key wraps, and the older ones still unwrap."""
    wrapped = opened({"old": OLD}).wrap(DATA_KEY, CONTEXT)
    provider = opened({"new": NEW, "old": OLD})
    assert provider.current_id == "new"
    assert provider.unwrap("old", wrapped, CONTEXT) == DATA_KEY
    assert provider.unwrap("new", provider.wrap(DATA_KEY, CONTEXT), CONTEXT) == DATA_KEY


def test_a_missing_key_is_named_as_such(opened: Opened) -> None:
    """A key that was removed too early is told apart from broken bytes."""
    with pytest.raises(KeyEncryptionKeyMissing):
        opened({"new": NEW}).unwrap("old", b"whatever", CONTEXT)


def test_whatever_does_not_agree_is_refused(opened: Opened) -> None:
    """Other bytes, another context and another key of the right name do not unwrap."""
    provider = opened({"new": NEW})
    wrapped = provider.wrap(DATA_KEY, CONTEXT)
    flipped = [wrapped[:n] + bytes([wrapped[n] ^ 1]) + wrapped[n + 1 :] for n in range(len(wrapped))]
    for other in (*flipped, wrapped[:-1], b""):
        with pytest.raises(SealBroken):
            provider.unwrap("new", other, CONTEXT)
    with pytest.raises(SealBroken):
        provider.unwrap("new", wrapped, b"another row")
    with pytest.raises(SealBroken):
        opened({"new": OLD}).unwrap("new", wrapped, CONTEXT)


def test_keys_do_not_show_themselves(opened: Opened) -> None:
    """Nothing of a key stands in a provider's text."""
    provider = opened({"new": NEW})
    assert base64.b64encode(NEW).decode() not in repr(provider) + str(provider)
    assert isinstance(provider, NamedKeys | StaticKeys)
