"""Simulated banks as programs of their own."""

import asyncio
import socket
import sys

import pytest


@pytest.mark.parametrize("adapter", ["sandbox", "open_banking_uk", "berlin_group"])
async def test_a_port_that_cannot_be_had_is_told_in_a_sentence(adapter: str) -> None:
    """Who starts a second bank on the same port reads which port it is, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ("-m", f"adapters.{adapter}.simulator", "--port", port)
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
        _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert told.decode().startswith(f"cannot listen on port {port} of 127.0.0.1")
    assert "Traceback" not in told.decode()
