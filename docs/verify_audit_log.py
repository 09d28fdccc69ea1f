"""Verify an export of the audit log without asking anybody: whether it is as it was written, and where it is not.

    pip install cryptography
    threadneedle audit export > EXPORT
    python verify_audit_log.py EXPORT KEYS [POSITION:HASH]

KEYS: what `threadneedle audit keys` printed, kept where those who write the database cannot.
POSITION:HASH: a mark that a log line (`audit.chained`) or an earlier export said; without it an export that was cut
back to an earlier day looks whole. The answer is the exit status: 0 it holds, 1 it does not.
"""
# ruff: noqa: INP001, T201 - a script that auditors run

import hashlib
import json
import sys
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


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


def main(export_file: str, keys_file: str, expected: str | None = None) -> int:
    """Print what is wrong, if anything is."""
    lines = [json.loads(line) for line in Path(export_file).read_text(encoding="utf-8").splitlines()]
    entries = [line for line in lines if "head" not in line]
    hashes = {entry["position"]: entry["hash"] for entry in entries}
    documents = [line["head"] for line in lines if "head" in line]
    wrong = wrong_entries(entries) + wrong_heads(documents, json.loads(Path(keys_file).read_text()), hashes)
    if expected and hashes.get(int(expected.split(":")[0])) != expected.split(":")[1]:
        wrong.append(f"{expected.split(':')[0]}: not the hash that was expected")
    print("\n".join(wrong) or f"{len(entries)} entries, as they were written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
