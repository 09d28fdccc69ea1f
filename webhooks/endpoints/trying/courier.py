"""How a challenge leaves: once, few at a time, within a short deadline."""

import asyncio
from typing import Protocol

from kernel.errors import Unavailable
from webhooks.sending.transport import Transport, WireReply, WireRequest

_RETRY_AFTER_SECONDS = 5


class Courier(Protocol):
    """Posts one request."""

    async def post(self, request: WireRequest) -> WireReply:
        """The answer, or the class of the failure. Raises Unavailable when too many are under way."""
        ...


class BoundedCourier:
    """`Courier` over a transport, whose policy is the deadline. A slow receiver takes one of `at_once` places."""

    def __init__(self, transport: Transport, at_once: int) -> None:
        self._transport = transport
        self._places = asyncio.Semaphore(at_once)

    async def post(self, request: WireRequest) -> WireReply:
        """See the protocol."""
        if self._places.locked():
            message = "Too many receivers are being challenged."
            raise Unavailable(message, code="challenges_busy", retry_after_seconds=_RETRY_AFTER_SECONDS)
        async with self._places:
            return await self._transport.send(request)
