"""A webhook system in memory that speaks the default target's API: honest, or sabotaged in one way on purpose."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_" + "c3RhbmQtaW4tc3RhbmQtaW4tc3RhbmQtaW4tc3RhbmQ="
WRONG_SECRET = "whsec_" + "d3JvbmctLWluLXdyb25nLS1pbi13cm9uZy0taW4td3Jvbmc="


class StandIn:
    """`sabotage` strikes once, at the first chance."""

    def __init__(self, sabotage: str = "") -> None:
        self._sabotage = sabotage
        self._numbers = count(1)
        self._events: dict[str, dict[str, Any]] = {}
        self._deliveries: list[dict[str, Any]] = []
        self._endpoints: dict[str, dict[str, Any]] = {}
        self._payments: dict[str, dict[str, Any]] = {}
        self._by_key: dict[str, str] = {}
        self._order: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._counters: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.orders: dict[str, str] = {}
        self.moved: dict[str, int] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/admin/v1/partners", self._made("ptn")),
                web.post("/admin/v1/partners/{partner}/clients", self._made("cli")),
                web.post("/admin/v1/partners/{partner}/merchants", self._made("mer")),
                web.post("/admin/v1/banks", self._made("bank")),
                web.post("/oauth/token", self._token),
                web.post("/v1/webhook-endpoints", self._add_endpoint),
                web.post("/v1/events", self._publish),
                web.post("/v1/events/batch", self._publish_many),
                web.get("/v1/events", self._feed),
                web.get("/v1/deliveries", self._list_deliveries),
                web.post("/v1/payments", self._pay),
                web.get("/v1/payments/{id}", self._payment),
                web.get("/_books", self._books),
            ]
        )
        return app

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def settle(self) -> None:
        """Until every delivery ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _strikes(self, sabotage: str) -> bool:
        """Whether this is the moment; only the first one is."""
        if self._sabotage != sabotage:
            return False
        self._sabotage = ""
        return True

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06}"

    def _made(self, prefix: str) -> Any:
        async def make(_request: web.Request) -> web.Response:
            return _json({"id": self._id(prefix), "secret": "s3cret"}, 201)

        return make

    async def _token(self, _request: web.Request) -> web.Response:
        return _json({"access_token": "token", "expires_in": 600})

    async def _add_endpoint(self, request: web.Request) -> web.Response:
        endpoint = orjson.loads(await request.read()) | {"id": self._id("ep")}
        self._endpoints[endpoint["id"]] = endpoint
        return _json({"id": endpoint["id"], "secret": SECRET}, 201)

    async def _publish(self, request: web.Request) -> web.Response:
        return _json({"id": self._take(orjson.loads(await request.read()))}, 202)

    async def _publish_many(self, request: web.Request) -> web.Response:
        items = orjson.loads(await request.read())["data"]
        return _json({"data": [{"status": "accepted", "id": self._take(item)} for item in items]})

    def _take(self, event: dict[str, Any]) -> str:
        if event["id"] not in self._by_key:
            self._by_key[event["id"]] = self._store(event)
            if self._strikes("two_ids"):
                self._store(event)
        return self._by_key[event["id"]]

    def _store(self, event: dict[str, Any]) -> str:
        event = event | {"event_id": self._id("evt"), "at": datetime.now(UTC)}
        if not self._strikes("untold"):
            self._events[event["event_id"]] = event
        for endpoint in self._endpoints.values():
            astray = self._sabotage == "astray" and endpoint["merchant_id"] != event["merchant_id"]
            if endpoint["merchant_id"] == event["merchant_id"] or (astray and self._strikes("astray")):
                task = asyncio.create_task(self._deliver(event, endpoint))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return str(event["event_id"])

    async def _deliver(self, event: dict[str, Any], endpoint: dict[str, Any]) -> None:
        delivery = {"event_id": event["event_id"], "endpoint_id": endpoint["id"], "state": "pending"}
        self._deliveries.append(delivery)
        if self._strikes("drop"):
            delivery["state"] = "delivered"
            return
        event = event | {"number": self._number(endpoint["id"])}
        chain = event.get("ordering_key")
        if endpoint["ordered"] and chain and not self._disorderly(endpoint, chain):
            async with self._order[endpoint["id"], chain]:
                await asyncio.sleep(0.3 if self._sabotage == "disorder" else 0)
                await self._until_taken(event, endpoint)
        else:
            await self._until_taken(event, endpoint)
        delivery["state"] = "delivered"

    def _number(self, endpoint_id: str) -> int:
        counter = self._counters[endpoint_id]
        number = next(counter)
        if number > 1 and self._strikes("skipped_number"):
            return next(counter)
        return number - 1 if number > 1 and self._strikes("shared_number") else number

    def _disorderly(self, endpoint: dict[str, Any], chain: str) -> bool:
        return self._order[endpoint["id"], chain].locked() and self._strikes("disorder")

    async def _until_taken(self, event: dict[str, Any], endpoint: dict[str, Any]) -> None:
        cause = "first"
        while True:
            status, wait = await self._post(event, endpoint, cause)
            if 200 <= status < 300:
                break
            cause = "retry"
            await asyncio.sleep(wait if not (wait > 1 and self._strikes("early")) else 0.1)
        if self._strikes("duplicate"):
            await self._post(event, endpoint, "retry")

    async def _post(self, event: dict[str, Any], endpoint: dict[str, Any], cause: str) -> tuple[int, float]:
        self._session = self._session or aiohttp.ClientSession()
        now = datetime.now(UTC)
        body = orjson.dumps({"type": event["type"], "timestamp": event["at"], "data": event["data"]}).decode()
        secret = WRONG_SECRET if self._strikes("forged") else SECRET
        headers = {
            "webhook-id": event["event_id"],
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(event["event_id"], now, body),
            "threadneedle-cause": cause,
            "webhook-sequence": str(event["number"]),
        }
        try:
            async with self._session.post(endpoint["url"], data=body, headers=headers) as reply:
                return reply.status, float(reply.headers.get("retry-after", 0.05)) + 0.05
        except aiohttp.ClientError:
            return 0, 0.05

    async def _feed(self, request: web.Request) -> web.Response:
        return _page(request, [{**event, "id": id_} for id_, event in self._events.items()])

    async def _list_deliveries(self, request: web.Request) -> web.Response:
        return _page(request, self._deliveries)

    async def _pay(self, request: web.Request) -> web.Response:
        key = request.headers["idempotency-key"]
        if key not in self._by_key:
            self._by_key[key] = self._book(key, orjson.loads(await request.read()))
        return _json({"id": self._by_key[key]}, 202)

    def _book(self, key: str, order: dict[str, Any]) -> str:
        id_, reference = self._id("pay"), self._id("ref")
        self.orders[reference] = key
        self.moved[reference] = 0 if self._strikes("unpaid") else 2 if self._strikes("paid_twice") else 1
        status = "rejected" if self._strikes("rejected") else "outcome_unknown" if self._strikes("stuck") else "settled"
        self._payments[id_] = {"id": id_, "status": status}
        for type_ in ("payment.created", "payment.settled"):
            told = {"type": type_, "merchant_id": order["merchant_id"], "ordering_key": id_, "data": {"id": id_}}
            self._store(told)
        return id_

    async def _payment(self, request: web.Request) -> web.Response:
        return _json(self._payments[request.match_info["id"]])

    async def _books(self, _request: web.Request) -> web.Response:
        entries = [
            {"end_to_end_id": reference, "moved_money": True}
            for reference, times in self.moved.items()
            for _ in range(times)
        ]
        return _json({"payments": entries})


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


def _page(request: web.Request, items: list[dict[str, Any]]) -> web.Response:
    start, limit = int(request.query.get("cursor", "0")), int(request.query["limit"])
    following = start + limit if start + limit < len(items) else None
    return _json({"data": items[start : start + limit], "next_cursor": following and str(following)})
