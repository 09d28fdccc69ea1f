"""Looking up names for aiohttp."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from webhooks.sending.dialing.names import Names


class NamesResolver(AbstractResolver):
    """The names that every transport uses, in aiohttp's terms."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's; all are wanted
    ) -> list[ResolveResult]:
        """All addresses of the name, IPv4 and IPv6. Raises NoAddressError."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=0,
            )
            for address in await self._names.find(host)
        ]

    async def close(self) -> None:
        """Give up look-ups."""
        self._names.close()
