"""How the faults look on the wire, whatever the protocol."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace
from adapters.simulation.watching import FAULT

_CHUNK = b"x" * 65_536
_TOO_LARGE_CHUNKS = 256
_HANGING = frozenset({Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.COMMIT_LATE, Fault.STALE})
_UNANSWERED = _HANGING | {Fault.RESET_BEFORE, Fault.RESET_AFTER}
_GARBAGE = b"<html><body>It works!</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an honest bank would answer, and how it says "error" in its own protocol."""

    status: int
    body: bytes
    error_body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    explains_500: bool = True  # whether the protocol says anything with a 500

    def response(self) -> web.Response:
        """The honest answer."""
        return _response(self.status, self.body, self)


class Misbehaviour:
    """Gives answers as the faults want them; hanging ones end when the simulator closes."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Let everything that hangs end now."""
        self._closing.set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the simulator's end."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def give(self, request: web.Request, answer: Answer, fault: Fault | None) -> web.StreamResponse:
        """The answer, bent by a fault of the wire; other faults do not show here."""
        if fault is not None:
            request[FAULT] = fault
        await self.pause(self._delay_seconds(fault))
        match fault:
            case fault if fault in _UNANSWERED:
                return _abort(request)
            case Fault.TRUNCATED:
                return await _truncated(request, answer)
            case Fault.SLOW_DRIP:
                return await self._drip(request, answer)
            case Fault.TOO_LARGE:
                return await _too_large(request)
            case _:
                return _said_wrong(answer, fault)

    def _delay_seconds(self, fault: Fault | None) -> float:
        if fault is Fault.ANSWER_LATE:
            return self._pace.late_seconds
        return self._pace.hang_seconds if fault in _HANGING else 0

    async def _drip(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await _begin(request, answer)
        for position in range(len(answer.body)):
            await response.write(answer.body[position : position + 1])
            await self.pause(self._pace.drip_seconds)
        return response


def _said_wrong(answer: Answer, fault: Fault | None) -> web.Response:
    match fault:
        case Fault.ERROR_500:
            return _response(500, answer.error_body if answer.explains_500 else b"", answer)
        case Fault.ERROR_IN_200:
            return _response(200, answer.error_body, answer)
        case Fault.TOO_MANY:
            response = _response(429, b"", answer)
            response.headers["Retry-After"] = "1"
            return response
        case Fault.GARBAGE:
            return web.Response(status=200, body=_GARBAGE, content_type="text/html")
        case _:
            return answer.response()


def _response(status: int, body: bytes, answer: Answer) -> web.Response:
    return web.Response(status=status, body=body, content_type=answer.content_type, headers=answer.headers)


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _begin(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_type = answer.content_type
    response.content_length = len(answer.body)
    await response.prepare(request)
    return response


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = await _begin(request, answer)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _too_large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(_TOO_LARGE_CHUNKS):
        await response.write(_CHUNK)
    return response
