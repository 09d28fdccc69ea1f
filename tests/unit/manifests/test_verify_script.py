"""The script that merchants run says with its exit status what it found, and never ends in a traceback."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import orjson
import pytest

from kernel.ids import Environment
from tests.unit.manifests.test_document import KEY, MANIFEST
from webhooks.endpoints.keys.published import jwk
from webhooks.manifests.document import sign

SCRIPT = Path(__file__).parents[3] / "docs/verify_manifest.py"
ARGUMENTS = ("manifest", "keys", "log")
LOG = "5,evt_a\n6,evt_b\n"


def run(folder: Path, log: str, *arguments: str) -> tuple[int, str]:
    """Exit status and the one line that is printed."""
    key = jwk(UUID(int=1), KEY.public_key().public_bytes_raw(), Environment.TEST)
    signed = replace(MANIFEST, digest=hashlib.sha256(b"5 evt_a\n6 evt_b\n").hexdigest())
    files = {"manifest": sign(signed, KEY, key["kid"]), "keys": orjson.dumps(key).decode(), "log": log, "other": "{}"}
    for name, text in files.items():
        (folder / name).write_text(text)
    ran = subprocess.run(  # noqa: S603 - our own script, with our own arguments
        [sys.executable, SCRIPT, *(arguments or ARGUMENTS)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1
    return ran.returncode, ran.stdout


@pytest.mark.parametrize(
    ("log", "status", "words"),
    [
        (LOG, 0, "2 messages, all there"),
        ("6,evt_b\n4,evt_x\n5,evt_a\n5,evt_a\n99,evt_y\n", 0, "2 messages, all there"),
        ("5,evt_a\n", 1, "missing: 6"),
        ("5,evt_a\n6,evt_x\n", 1, "other webhook-ids"),
        ("5,evt_x\n5,evt_a\n6,evt_b\n", 1, "more than one webhook-id in your record: 5"),
        ("webhook-sequence,webhook-id\n" + LOG, 2, "line 1 of your record"),
        (LOG + "7\n", 2, "line 3 of your record"),
        ("9" * 5000 + ",evt_a\n", 2, "line 1 of your record"),
    ],
)
def test_what_a_record_lacks(tmp_path: Path, log: str, status: int, words: str) -> None:
    """All there is 0; missing, other or doubtful ids are 1; a record that cannot be read is 2."""
    found, said = run(tmp_path, log)
    assert found == status
    assert words in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("manifest",),
        (*ARGUMENTS, "manifest", "more"),
        ("manifest", "keys", "absent"),
        ("manifest", "log", "log"),
        ("manifest", "other", "log"),
        ("log", "keys", "log"),
        (*ARGUMENTS, "absent"),
        (*ARGUMENTS, "log"),
    ],
)
def test_what_cannot_be_checked(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Missing arguments and files, and files of another form, are 2 and one line."""
    assert run(tmp_path, LOG, *arguments)[0] == 2
