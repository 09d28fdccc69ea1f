"""Verify a daily manifest without asking anybody: whether what you received is all that you were sent that day.

    pip install cryptography
    python verify_manifest.py MANIFEST KEYS LOG [PREVIOUS]

MANIFEST: the `document` of GET /v1/webhook-endpoints/{id}/manifests/{day}. KEYS: the endpoint's JWK set, or the `key`
of the same answer. LOG: your own record, a line `webhook-sequence,webhook-id` per message and no heading, any order,
repeats allowed; numbers of other days are passed over. PREVIOUS: the manifest of the day before, to see that no day
between them was changed. The answer is the exit status: 0 all there, 1 something is missing or has another id, 2 the
manifest is not to be believed, or nothing could be checked.
"""
# ruff: noqa: INP001, T201 - a script that merchants run

import hashlib
import json
import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

USAGE = "usage: verify_manifest.py MANIFEST KEYS LOG [PREVIOUS]"
NUMBER = re.compile(r"[0-9]{1,19}")


class NotVerified(Exception):
    """Why nothing can be said."""


def decode(text: str) -> bytes:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parsed(parse: Callable[[], Any], complaint: str) -> Any:
    """What `parse` makes of something written by others. Raises NotVerified where it has another form."""
    try:
        return parse()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotVerified(complaint) from None


def keys_of(key_set: Any) -> dict[str, Ed25519PublicKey]:
    """The public keys of a JWK set, or of one JWK, by their ids."""
    found = key_set.get("keys", [key_set])
    return {key["kid"]: Ed25519PublicKey.from_public_bytes(decode(key["x"])) for key in found}


def verified(document: str, keys: dict[str, Ed25519PublicKey]) -> dict[str, Any]:
    """The payload of a compact JWS that one of the keys has signed. Raises NotVerified, and what `parsed` catches."""
    header, payload, signature = document.split(".")
    told = json.loads(decode(header))
    if told.get("alg") != "EdDSA" or told.get("typ") != "webhook-manifest":
        raise NotVerified("this is no manifest")
    if told.get("kid") not in keys:
        raise NotVerified("the key that signed it is not among the keys")
    try:
        keys[told["kid"]].verify(decode(signature), f"{header}.{payload}".encode())
    except InvalidSignature:
        raise NotVerified("the signature does not verify") from None
    manifest: dict[str, Any] = json.loads(decode(payload))
    return manifest


def received(log: str) -> Iterator[tuple[int, str]]:
    """Each number of your record with its webhook-id. Raises NotVerified with the first line of another form."""
    for number, line in enumerate(log.splitlines(), start=1):
        if line.strip():
            sequence, _, webhook_id = (part.strip() for part in line.partition(","))
            if not (NUMBER.fullmatch(sequence) and webhook_id):
                raise NotVerified(f"line {number} of your record is not webhook-sequence,webhook-id")
            yield int(sequence), webhook_id


def digest(messages: dict[int, set[str]]) -> str:
    """SHA-256 over a line per number, in order."""
    text = "".join(f"{sequence} {webhook_id}\n" for sequence in sorted(messages) for webhook_id in messages[sequence])
    return hashlib.sha256(text.encode()).hexdigest()


def compared(manifest: dict[str, Any], log: str) -> tuple[int, str]:
    """The exit status, and the sentence that goes with it."""
    day = range(manifest["first_sequence"], manifest["last_sequence"] + 1)
    messages: dict[int, set[str]] = {}
    for sequence, webhook_id in received(log):
        if sequence in day:
            messages.setdefault(sequence, set()).add(webhook_id)
    if missing := [sequence for sequence in day if sequence not in messages]:
        return 1, f"missing: {', '.join(map(str, missing))}"
    if doubled := [sequence for sequence in day if len(messages[sequence]) > 1]:
        return 1, f"more than one webhook-id in your record: {', '.join(map(str, doubled))}"
    if digest(messages) != manifest["digest"]:
        return 1, "your record has other webhook-ids than you were sent"
    return 0, f"{manifest['day']}: {manifest['count']} messages, all there"


def checked(manifest_file: str, keys_file: str, log_file: str, previous_file: str | None = None) -> tuple[int, str]:
    """The same of files. Raises NotVerified; OSError for a file that cannot be read."""
    document = Path(manifest_file).read_text().strip()
    key_set = Path(keys_file).read_text()
    keys = parsed(lambda: keys_of(json.loads(key_set)), "the keys are no JWK set of Ed25519 keys")
    manifest = parsed(lambda: verified(document, keys), "this is no manifest")
    if previous_file and hashlib.sha256(Path(previous_file).read_bytes().strip()).hexdigest() != manifest["previous"]:
        raise NotVerified("it does not follow the previous manifest")
    return compared(manifest, Path(log_file).read_text())


def main(*files: str) -> int:
    """Print what is wrong, if anything is."""
    if not 3 <= len(files) <= 4:
        print(USAGE)
        return 2
    try:
        status, sentence = checked(*files)
    except NotVerified as error:
        status, sentence = 2, f"not verified: {error}"
    except (OSError, UnicodeDecodeError) as error:
        status, sentence = 2, f"cannot be read: {error}"
    print(sentence)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
