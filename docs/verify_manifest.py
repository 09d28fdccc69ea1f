"""Verify a daily manifest without asking anybody: whether what you received is all that you were sent that day.

    pip install cryptography
    python verify_manifest.py MANIFEST KEYS LOG [PREVIOUS]

MANIFEST: the `document` of GET /v1/webhook-endpoints/{id}/manifests/{day}. KEYS: the endpoint's JWK set, or the `key`
of the same answer. LOG: your own record, a line `webhook-sequence,webhook-id` per message, any order, repeats allowed.
PREVIOUS: the manifest of the day before, to see that no day between them was changed. The answer is the exit status:
0 all there, 1 something is missing or too much, 2 the manifest is not to be believed.
"""
# ruff: noqa: INP001, T201 - a script that merchants run

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


def verified(document: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """The payload of a compact JWS that one of the keys has signed. Raises ValueError."""
    header, payload, signature = document.split(".")
    told = json.loads(decode(header))
    if told.get("alg") != "EdDSA" or told.get("typ") != "webhook-manifest":
        raise ValueError("this is no manifest")
    keys = {key["kid"]: key for key in key_set.get("keys", [key_set])}
    if told.get("kid") not in keys:
        raise ValueError("the key that signed it is not among the keys")
    public = Ed25519PublicKey.from_public_bytes(decode(keys[told["kid"]]["x"]))
    try:
        public.verify(decode(signature), f"{header}.{payload}".encode())
    except InvalidSignature:
        raise ValueError("the signature does not verify") from None
    manifest: dict[str, Any] = json.loads(decode(payload))
    return manifest


def received(log: str, first: int, last: int) -> dict[int, str]:
    """The webhook-id of each number of the day in your record."""
    lines = (line.split(",") for line in log.splitlines() if line.strip())
    messages = ((int(sequence), webhook_id.strip()) for sequence, webhook_id in lines)
    return {sequence: webhook_id for sequence, webhook_id in messages if first <= sequence <= last}


def digest(messages: dict[int, str]) -> str:
    """SHA-256 over a line per number, in order."""
    text = "".join(f"{sequence} {messages[sequence]}\n" for sequence in sorted(messages))
    return hashlib.sha256(text.encode()).hexdigest()


def main(manifest_file: str, keys_file: str, log_file: str, previous_file: str | None = None) -> int:
    """Print what is wrong, if anything is."""
    document = Path(manifest_file).read_text().strip()
    try:
        manifest = verified(document, json.loads(Path(keys_file).read_text()))
    except ValueError as error:
        print(f"not to be believed: {error}")
        return 2
    if previous_file and hashlib.sha256(Path(previous_file).read_bytes().strip()).hexdigest() != manifest["previous"]:
        print("not to be believed: it does not follow the previous manifest")
        return 2
    first, last = manifest["first_sequence"], manifest["last_sequence"]
    messages = received(Path(log_file).read_text(), first, last)
    missing = [sequence for sequence in range(first, last + 1) if sequence not in messages]
    if missing:
        print(f"missing: {', '.join(map(str, missing))}")
        return 1
    if digest(messages) != manifest["digest"]:
        print("your record has other webhook-ids than you were sent")
        return 1
    print(f"{manifest['day']}: {manifest['count']} messages, all there")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
