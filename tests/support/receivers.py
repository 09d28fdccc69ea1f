"""Receivers of webhooks as raw servers, and what transports are driven with."""

import time
from collections.abc import Awaitable
from typing import Protocol

from kernel.masked import Secret
from tests.support.raw_server import Exchange, Script
from webhooks.sending.destination import AllowList
from webhooks.sending.transport import Transport, WireReply, WireRequest

# Short where a test waits for it to pass, long where it must not, however busy the machine is.
SHORT_SECONDS = 0.6
LONG_SECONDS = 10.0
CAP = 4096
OPEN = AllowList.parse(["127.0.0.0/8", "localhost"])


class Build(Protocol):
    """Makes a transport, which the fixture closes."""

    def __call__(
        self, allowed: AllowList = OPEN, ca_file: str | None = None, seconds: float = LONG_SECONDS
    ) -> Transport: ...


def post(url: str, body: bytes = b'{"type":"test"}', certificate: Secret | None = None) -> WireRequest:
    """A webhook of few headers."""
    headers = (("content-type", "application/json"), ("webhook-id", "evt_1"))
    return WireRequest(url=url, headers=headers, body=body, client_certificate=certificate)


def answering(*pieces: bytes, pause_seconds: float = 0) -> Script:
    """A script that reads the request, says the pieces, and closes."""

    async def script(exchange: Exchange) -> None:
        await exchange.read_request()
        await exchange.say(*pieces, pause_seconds=pause_seconds)

    return script


def staying(*pieces: bytes) -> Script:
    """The same, but it keeps the connection open and says nothing more."""

    async def script(exchange: Exchange) -> None:
        await exchange.read_request()
        await exchange.say(*pieces)
        await exchange.until_closed()

    return script


def serving_for_ever(answer: bytes) -> Script:
    """A script that gives the same answer to every request of its connection."""

    async def script(exchange: Exchange) -> None:
        while True:
            await exchange.read_request()
            await exchange.say(answer)

    return script


async def in_time(sending: Awaitable[WireReply], seconds: float) -> WireReply:
    """The reply, and the assertion that the total deadline held (with room for a busy machine)."""
    started = time.monotonic()
    reply = await sending
    assert time.monotonic() - started < seconds + 1.5
    return reply
