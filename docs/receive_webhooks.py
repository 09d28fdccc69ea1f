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


if __name__ == "__main__":
    Receiver.secret = sys.argv[2]
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
