"""The receivers' HTTP server: `PUT /lanes` says which lanes there are, `POST /hooks/{lane}` is where they listen."""

import asyncio
import hashlib
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from bench.lines import Lines
from bench.receivers.behaviour import BEHAVIOURS, Act, Post, Reaction
from bench.target import Arrives, pick

_HUGE_BYTES = 4 * 2**20
_DRIPS = 60
_DRIP_SECONDS = 0.5
_HANG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Lane:
    behaviour: str
    verifier: Webhook


class Receivers:
    """All lanes of one process."""

    def __init__(self, arrives: Arrives, log: Lines) -> None:
        self._arrives = arrives
        self._log = log
        self._lanes: dict[str, _Lane] = {}
        self._posts: Counter[tuple[str, str]] = Counter()
        self._totals: Counter[str] = Counter()

    def app(self) -> web.Application:
        """The application, to be served."""
        app = web.Application(client_max_size=2**22)
        app.router.add_put("/lanes", self._set_lanes)
        app.router.add_post("/hooks/{lane}", self._receive)
        return app

    async def _set_lanes(self, request: web.Request) -> web.Response:
        """Takes `{lane: {"behaviour", "secret"}}`."""
        lanes = orjson.loads(await request.read())
        self._lanes = {name: _Lane(lane["behaviour"], Webhook(lane["secret"])) for name, lane in lanes.items()}
        return web.Response(status=204)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        arrived = time.monotonic()
        name = request.match_info["lane"]
        lane = self._lanes.get(name)
        if lane is None:
            return web.Response(status=404)
        raw = await request.read()
        webhook_id = request.headers.get(self._arrives.id_header, "")
        reaction = self._react(name, lane, webhook_id)
        record = self._record(name, request, raw) | {
            "arrived": round(arrived, 6),
            "verified": _verified(lane, raw, request),
        }
        return await self._answer(request, reaction, record)

    def _react(self, name: str, lane: _Lane, webhook_id: str) -> Reaction:
        post = Post(
            webhook_id=webhook_id,
            nth=self._posts[name, webhook_id],
            total=self._totals[name],
            now_seconds=time.monotonic(),
        )
        self._posts[name, webhook_id] += 1
        self._totals[name] += 1
        return BEHAVIOURS[lane.behaviour](post)

    def _record(self, name: str, request: web.Request, raw: bytes) -> dict[str, Any]:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            body = None
        return {
            "lane": name,
            "id": request.headers.get(self._arrives.id_header, ""),
            "cause": request.headers.get(self._arrives.cause_header, ""),
            "sequence": request.headers.get(self._arrives.sequence_header, ""),
            "key": pick(body, self._arrives.key),
            "type": pick(body, self._arrives.type),
            "subject": pick(body, self._arrives.subject),
            "digest": hashlib.sha256(raw).hexdigest()[:16],
        }

    async def _answer(self, request: web.Request, reaction: Reaction, record: dict[str, Any]) -> web.StreamResponse:
        """The line is written just before the answer: what the sender then misses of it, it will send again."""
        try:
            await asyncio.sleep(reaction.wait_seconds)
        except asyncio.CancelledError:
            self._log.write(**record, act="left", status=0, retry_after=None)
            raise
        self._log.write(**record, act=reaction.act, status=reaction.status, retry_after=reaction.retry_after)
        match reaction.act:
            case Act.ANSWER:
                wait = {} if reaction.retry_after is None else {"retry-after": str(reaction.retry_after)}
                return web.Response(status=reaction.status, headers=wait)
            case Act.DRIP:
                return await _drip(request)
            case Act.HUGE:
                return web.Response(status=200, body=bytes(_HUGE_BYTES))
            case Act.RESET:
                _reset(request)
            case Act.HANG:
                await asyncio.sleep(_HANG_SECONDS)
        return web.Response(status=500)


def _verified(lane: _Lane, raw: bytes, request: web.Request) -> bool:
    try:
        lane.verifier.verify(raw, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return False
    return True


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    for _ in range(_DRIPS):
        await response.write(b".")
        await asyncio.sleep(_DRIP_SECONDS)
    return response


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    peer: socket.socket = transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def listen() -> socket.socket:
    """A listening socket on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    return listener


async def serve(receivers: Receivers, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    runner = web.AppRunner(receivers.app(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await stop.wait()
    await runner.cleanup()
