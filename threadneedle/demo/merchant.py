"""A sample merchant: a web server that verifies each webhook with the `standardwebhooks` package, not with our code."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One POST that reached the merchant."""

    webhook_id: str
    verified: bool
    answered: int
    body: dict[str, Any]
    cause: str

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.body.get("type", ""))

    @property
    def payment_id(self) -> str:
        """The payment that the event is about, or nothing."""
        return str(self.body.get("data", {}).get("id", ""))


class Merchant:
    """Listens on a free port of this machine; `fail_next` makes it answer 500 so many times."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self._secret = ""
        self._failures: Counter[str] = Counter()
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        """Start listening."""
        app = web.Application()
        app.router.add_post("/webhooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/webhooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def trust(self, secret: str) -> None:
        """Verify with this `whsec_` secret from now on."""
        self._secret = secret

    def fail_next(self, times: int, type_: str) -> None:
        """Answer 500 to the next so many POSTs of that event type."""
        self._failures[type_] = times

    async def wait_for(self, type_: str, payment_id: str = "", *, seconds: float = 30) -> Receipt:
        """The first verified and accepted webhook of that type. Raises TimeoutError."""

        def found() -> list[Receipt]:
            return [
                receipt
                for receipt in self.receipts
                if receipt.type == type_ and receipt.answered == 200 and payment_id in ("", receipt.payment_id)
            ]

        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(found)
        return found()[0]

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        verified = self._verify(raw, request)
        body = orjson.loads(raw)
        status = self._answer(body.get("type", ""), verified=verified)
        receipt = Receipt(
            webhook_id=request.headers.get("webhook-id", ""),
            verified=verified,
            answered=status,
            body=body,
            cause=request.headers.get("threadneedle-cause", ""),
        )
        async with self._arrived:
            self.receipts.append(receipt)
            self._arrived.notify_all()
        return web.Response(status=status)

    def _verify(self, raw: bytes, request: web.Request) -> bool:
        if not self._secret:
            return False
        try:
            Webhook(self._secret).verify(raw, dict(request.headers))
        except WebhookVerificationError:
            return False
        return True

    def _answer(self, type_: str, *, verified: bool) -> int:
        if not verified:
            return 401
        if self._failures[type_]:
            self._failures[type_] -= 1
            return 500
        return 200
