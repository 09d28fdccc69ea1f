"""A receiver to try webhooks with: it verifies v1 signatures, answers the ownership challenge and prints what comes.

    python receive_webhooks.py PORT SECRET

It needs Python only and listens on 127.0.0.1. SECRET is the endpoint's, `whsec_…`.
"""
# ruff: noqa: INP001, T201 - a script that merchants run

import hashlib
import hmac
import json
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

CLOCKS_SECONDS = 300
USAGE = "usage: receive_webhooks.py PORT SECRET, where SECRET is whsec_ and base64"


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether one of the v1 signatures is right, and the message not older than five minutes (Standard Webhooks)."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > CLOCKS_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    right = b"v1," + b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256))
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), right) for one in given)


def answer(body: bytes) -> bytes:
    """The body of a good answer: the challenge's token, or nothing."""
    event = json.loads(body)
    return event["data"]["challenge"].encode() if event["type"] == "webhook_endpoint.challenge" else b""


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to what is genuine, and 401 to anything else."""

    secret = ""

    def do_POST(self) -> None:
        """One message."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        good = is_genuine(self.secret, headers, body, time.time())
        said = answer(body) if good else b""
        self.send_response(200 if good else 401)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        marks = {name: value for name, value in headers.items() if name.startswith(("webhook-", "threadneedle-"))}
        print(json.dumps({"genuine": good, "headers": marks, "body": body.decode(errors="replace")}, indent=1))


def is_secret(text: str) -> bool:
    """Whether a signature can be made with it."""
    try:
        return text.startswith("whsec_") and bool(b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        return False


def main(*arguments: str) -> str | int:
    """Listen until Ctrl-C, which is 0, or say in one line why not."""
    if len(arguments) != 2 or not arguments[0].isdecimal() or not is_secret(arguments[1]):
        return USAGE
    Receiver.secret = arguments[1]
    try:
        HTTPServer(("127.0.0.1", int(arguments[0])), Receiver).serve_forever()
    except (OSError, OverflowError) as error:
        return f"port {arguments[0]} cannot be listened on: {error}"
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
