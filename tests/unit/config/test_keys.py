import base64
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.keys import KeysError, NamedKeys, create_key_file, keys_from_environment, keys_from_file, open_provider
from config.loading import load_settings

KEY = base64.b64encode(bytes(range(32))).decode()


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o700])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Only the owner may read the file of keys, and nobody may run it."""
    with pytest.raises(KeysError, match="chmod 600"):
        keys_from_file(written(tmp_path / "keys", f"a:{KEY}", mode))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no key"),
        ("# only words\n\n", "holds no key"),
        (KEY, "entry 1 has no name"),
        (f"a:{KEY}\na:{KEY}", "entry 2"),
        ("a:c2hvcnQ=", "key a has 5 bytes; it needs 32"),
        ("a:not base64!", "key a is not base64"),
        (f"a key:{KEY}", "entry 1 has no name"),
        ("ключ:x", "not ASCII"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    """Each mistake has a line that names the place, and shows nothing of a key."""
    with pytest.raises(KeysError, match=words) as raised:
        keys_from_file(written(tmp_path / "keys", text))
    assert "\n" not in str(raised.value)
    assert KEY not in str(raised.value)
    assert "c2hvcnQ" not in str(raised.value)


def test_an_absent_file_is_told_in_one_line(tmp_path: Path) -> None:
    """A file that is not there is named with the system's reason."""
    with pytest.raises(KeysError, match="cannot be read"):
        keys_from_file(tmp_path / "nothing")


@pytest.mark.parametrize("environment", [{}, {"KEYS": " "}])
def test_an_absent_variable_is_told_in_one_line(environment: dict[str, str]) -> None:
    """A variable that is not set is named."""
    with pytest.raises(KeysError, match="KEYS: is not set"):
        keys_from_environment(environment, "KEYS")


def test_a_provider_without_keys_is_refused() -> None:
    """There is no provider that cannot wrap."""
    with pytest.raises(KeysError):
        NamedKeys({})


def test_a_new_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    """The file that is made can be used at once, by its owner alone, and a second making is refused."""
    path = tmp_path / "keys"
    create_key_file(path, datetime(2026, 11, 22, tzinfo=UTC))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116 - the mode, not the path
    assert keys_from_file(path).current_id == "2026-11-22"
    with pytest.raises(FileExistsError):
        create_key_file(path, datetime(2026, 11, 23, tzinfo=UTC))


def test_the_settings_choose_the_provider(tmp_path: Path) -> None:
    """`keys.provider` decides between the file and the environment."""
    path = written(tmp_path / "keys", f"from-file:{KEY}")
    environment = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h", "THREADNEEDLE_KEYS": f"from-env:{KEY}"}
    by_file = load_settings(environment | {"THREADNEEDLE_KEYS__FILE": str(path)})
    by_environment = load_settings(environment | {"THREADNEEDLE_KEYS__PROVIDER": "environment"})
    assert open_provider(by_file.keys, environment).current_id == "from-file"
    assert open_provider(by_environment.keys, environment).current_id == "from-env"
