"""The keys that sign access tokens, from the command line: changed and audited as by the admin API."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from config.keys import open_provider
from config.loading import load_settings
from config.resources import measure_clock
from gateway.oauth.signing.rotation import By, KeyRotation
from kernel.clock import CorrectedClock
from kernel.sealing import Vault
from threadneedle import preparation
from threadneedle.preparation import actor
from threadneedle.roles.edge.oauth import rotation_policy


async def show_keys() -> dict[str, Any]:
    """The keys that stand in the JWKS by their ids: what each does, and from when it signs."""
    async with _rotation() as rotation:
        return await _shown(rotation)


async def rotate(*, compromised: bool) -> dict[str, Any]:
    """Publish the next key now; or replace all of them at once. Raises Conflict while a next key waits already."""
    who = actor()
    async with _rotation() as rotation:
        await (rotation.replace if compromised else rotation.rotate)(By(who.name, who.request_id))
        return await _shown(rotation)


@asynccontextmanager
async def _rotation() -> AsyncIterator[KeyRotation]:
    settings = load_settings(required=("database.url",))
    async with preparation.open_journal(settings) as (pool, _):
        clock = CorrectedClock()
        await measure_clock(pool, clock)
        vault = Vault(pool, open_provider(settings.keys, os.environ), clock)
        yield KeyRotation(pool, vault, clock, rotation_policy(settings.oauth))


async def _shown(rotation: KeyRotation) -> dict[str, Any]:
    keys = await rotation.listed()
    return {key["id"]: f"{key['stage']}, signs from {key['signs_at']:%Y-%m-%dT%H:%M:%SZ}" for key in keys}
