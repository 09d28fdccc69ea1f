"""Runs a tool of ours to its end, and ends it where the caller is cancelled."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from bench.speed.tools.order import Order


async def run_tool(arguments: Sequence[str], said: bytes = b"") -> dict[str, Any]:
    """The JSON that it printed. Raises RuntimeError with its last words."""
    tool = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        told, wrong = await tool.communicate(said)
    finally:
        if tool.returncode is None:
            tool.kill()
            await tool.wait()
    if tool.returncode:
        raise RuntimeError(wrong.decode()[-2000:])
    return dict(orjson.loads(told))


async def call(order: Order) -> dict[str, Any]:
    """Let the generator carry out an order; see `bench.speed.tools.caller`."""
    return await run_tool(["-m", "bench.speed.tools.caller"], order.model_dump_json().encode())
