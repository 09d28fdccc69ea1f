"""Looking up names."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_Found = tuple[Any, Any, int, str, tuple[Any, ...]]


class ThreadedResolver(AbstractResolver):
    """The system's resolver on threads of its own, so that slow names do not use up those of the process."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of the name, IPv4 and IPv6. Raises OSError when there is none."""
        found = await asyncio.get_running_loop().run_in_executor(self._executor, _lookup, host, port, family)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Give the threads back without waiting for look-ups that hang."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _lookup(host: str, port: int, family: socket.AddressFamily) -> list[_Found]:
    try:
        return list(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
    except UnicodeError as problem:
        raise socket.gaierror(socket.EAI_NONAME, "the name is not valid") from problem
