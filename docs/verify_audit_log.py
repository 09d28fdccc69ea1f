"""Verify an export of the audit log without asking anybody: whether it is as it was written, and where it is not.

    pip install cryptography
    threadneedle audit export > EXPORT
    python verify_audit_log.py EXPORT KEYS [POSITION:HASH]

KEYS: what `threadneedle audit keys` printed, kept where those who write the database cannot.
POSITION:HASH: a mark that a log line (`audit.chained`) or an earlier export said; without it an export that was cut
back to an earlier day looks whole. The answer is the exit status: 0 it holds, 1 it does not, 2 nothing could be
checked.
"""
# ruff: noqa: INP001, T201 - a script that auditors run

import hashlib
import json
import re
import sys
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

USAGE = "usage: verify_audit_log.py EXPORT KEYS [POSITION:HASH]"
MARK = re.compile(r"[0-9]{1,19}:[0-9a-f]{64}")


def decode(text: str) -> bytes:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest(entry: dict[str, Any]) -> str:
    """SHA-256 of the entry without its place and its own hash: names sorted, no spaces, UTF-8."""
    hashed = {name: value for name, value in entry.items() if name not in {"position", "hash"}}
    return hashlib.sha256(
        json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()


def signed(document: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """What a head says, if one of the keys has signed it. Raises ValueError."""
    header, payload, signature = document.split(".")
    told = json.loads(decode(header))
    keys = {key["kid"]: key for key in key_set["keys"]}
    if told.get("typ") != "audit-head" or told.get("kid") not in keys:
        raise ValueError("no head, or of a key that is not among the keys")
    public = Ed25519PublicKey.from_public_bytes(decode(keys[told["kid"]]["x"]))
    try:
        public.verify(decode(signature), f"{header}.{payload}".encode())
    except InvalidSignature:
        raise ValueError("the signature does not verify") from None
    head: dict[str, Any] = json.loads(decode(payload))
    return head


def wrong_entries(entries: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the entries among themselves."""
    wrong, place, before = [], 0, "00" * 32
    for entry in entries:
        if digest(entry) != entry["hash"]:
            wrong.append(f"{entry['position']}: changed")
        if entry["position"] > place + 1:
            wrong.append(f"{place + 1} to {entry['position'] - 1}: missing")
        elif entry["position"] <= place or entry["previous"] != before:
            wrong.append(f"{entry['position']}: does not follow the entry before it")
        place, before = entry["position"], entry["hash"]
    return wrong


def wrong_heads(documents: list[str], key_set: dict[str, Any], hashes: dict[int, str]) -> list[str]:
    """What is wrong with the heads, and with what they say of the entries."""
    wrong, before = [], None
    for number, document in enumerate(documents, start=1):
        try:
            head = signed(document, key_set)
        except ValueError as error:
            wrong.append(f"head {number}: {error}")
        else:
            if head["previous"] != before:
                wrong.append(f"head of {head['day']}: does not follow the head before it")
            if hashes.get(head["position"]) != head["hash"]:
                wrong.append(f"head of {head['day']}: position {head['position']} is missing or has another hash")
        before = hashlib.sha256(document.encode()).hexdigest()
    return wrong if documents else ["there is no head"]


class NotVerified(Exception):
    """Why nothing can be said."""


def parsed(line: str) -> dict[str, Any]:
    """A line of an export, or a key set. Raises ValueError or TypeError for what is no JSON object."""
    told = json.loads(line)
    if not isinstance(told, dict):
        raise TypeError("no object")
    return told


def is_entry(told: dict[str, Any]) -> bool:
    """Whether it has its place and hashes: the rest of an entry is hashed as it stands."""
    hashes = (told.get("hash"), told.get("previous"))
    return isinstance(told.get("position"), int) and all(isinstance(one, str) for one in hashes)


def exported(file: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries and the heads of an export. Raises NotVerified with the first line of another form, or OSError."""
    entries, heads = [], []
    for number, line in enumerate(Path(file).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = parsed(line)
        except (ValueError, TypeError):
            told = {}
        if isinstance(told.get("head"), str):
            heads.append(told["head"])
        elif is_entry(told):
            entries.append(told)
        else:
            raise NotVerified(f"line {number} of the export is neither an entry nor a head")
    return entries, heads


def public_keys(file: str) -> dict[str, Any]:
    """The JWK set. Raises NotVerified where it is none, or OSError."""
    try:
        key_set = parsed(Path(file).read_text(encoding="utf-8"))
        for key in key_set["keys"]:
            Ed25519PublicKey.from_public_bytes(decode(key["x"]))
            key["kid"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotVerified("the keys are no JWK set of Ed25519 keys") from None
    return key_set


def checked(export_file: str, keys_file: str, expected: str = "") -> tuple[int, str]:
    """The exit status, and what is printed. Raises NotVerified; OSError for a file that cannot be read."""
    if expected and not MARK.fullmatch(expected):
        raise NotVerified("POSITION:HASH is a number and 64 hexadecimal digits")
    entries, heads = exported(export_file)
    hashes = {entry["position"]: entry["hash"] for entry in entries}
    wrong = wrong_entries(entries) + wrong_heads(heads, public_keys(keys_file), hashes)
    position, _, marked = expected.partition(":")
    if expected and hashes.get(int(position)) != marked:
        wrong.append(f"{position}: not the hash that was expected")
    return (1, "\n".join(wrong)) if wrong else (0, f"{len(entries)} entries, as they were written")


def main(*arguments: str) -> int:
    """Print what is wrong, if anything is."""
    if not 2 <= len(arguments) <= 3:
        print(USAGE)
        return 2
    try:
        status, sentence = checked(*arguments)
    except NotVerified as error:
        status, sentence = 2, f"not verified: {error}"
    except (OSError, UnicodeDecodeError) as error:
        status, sentence = 2, f"cannot be read: {error}"
    print(sentence)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
