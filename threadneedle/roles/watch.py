"""Liveness, readiness and metrics of the roles that have no API of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config.resources import ResourceError, check_postgres
from threadneedle.roles.foundation import Foundation

_log = structlog.get_logger()


@asynccontextmanager
async def watched(foundation: Foundation, role: str, port: int) -> AsyncIterator[None]:
    """Answer /livez, /readyz and /metrics until the block ends."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(_request: web.Request) -> web.Response:
        try:
            await check_postgres(foundation.resources.pool)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ResourceError):
            return web.json_response({"status": "unavailable", "postgresql": "unavailable"}, status=503)
        return web.json_response({"status": "ready", "postgresql": "available"})

    async def metrics(_request: web.Request) -> web.Response:
        body = generate_latest(foundation.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", live), web.get("/readyz", ready), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, foundation.settings.watch.host, port).start()
        _log.info("role.ready", role=role, watch=runner.addresses)
        yield
    finally:
        await runner.cleanup()
