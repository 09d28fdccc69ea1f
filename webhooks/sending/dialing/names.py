"""Names to addresses, so that a name whose servers are slow or dead waits alone.

Each name is looked up once at a time, however many sends want it. Names that were slow the last time share few threads
of their own. And a name that was known goes on with its old addresses while its servers do not answer (RFC 8767).
"""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

_SLOW_SECONDS = 1.0
_STALE_SECONDS_MAX = 3600.0
_NAMES_MAX = 20_000
_SHARE_OF_SLOW = 4

Addresses = tuple[str, ...]
_Value = TypeVar("_Value")


class NoAddressError(OSError):
    """The name has no address, or nobody says which. The message is for people."""


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: Addresses
    at: float


class Names:
    """Looks names up on threads of its own and remembers them. One per process."""

    def __init__(self, cache_seconds: float, threads: int) -> None:
        self._cache_seconds = cache_seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-dns")
        self._slow_threads = ThreadPoolExecutor(
            max(1, threads // _SHARE_OF_SLOW), thread_name_prefix="webhook-dns-slow"
        )
        self._known: dict[str, _Known] = {}
        self._slow: dict[str, None] = {}
        self._running: dict[str, asyncio.Task[Addresses]] = {}

    async def find(self, host: str) -> Addresses:
        """All addresses, in the system's order of preference. Raises NoAddressError."""
        if _is_address(host):
            return (host,)
        known = self._known.get(host)
        age = time.monotonic() - known.at if known else _STALE_SECONDS_MAX
        if known and age < self._cache_seconds:
            return known.addresses
        if known and age < _STALE_SECONDS_MAX:
            return await self._refreshed(host, known)
        return await self._lookup(host)

    def close(self) -> None:
        """Give the threads back without waiting for look-ups that hang."""
        for task in self._running.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._slow_threads.shutdown(wait=False, cancel_futures=True)

    async def _refreshed(self, host: str, known: _Known) -> Addresses:
        """What is true now, or, where nobody says so in time, what was true before."""
        try:
            return await asyncio.wait_for(self._lookup(host), _SLOW_SECONDS)
        except (TimeoutError, _SilentServersError):
            return known.addresses

    async def _lookup(self, host: str) -> Addresses:
        running = self._running.get(host)
        if running is None:
            running = self._running[host] = asyncio.create_task(self._run(host))
            running.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(running)

    async def _run(self, host: str) -> Addresses:
        started = time.monotonic()
        threads = self._slow_threads if host in self._slow else self._threads
        try:
            addresses = await asyncio.get_running_loop().run_in_executor(threads, _ask, host)
        except _SilentServersError:
            raise
        except NoAddressError:
            self._known.pop(host, None)
            raise
        else:
            _remember(self._known, host, _Known(addresses, time.monotonic()))
            return addresses
        finally:
            self._running.pop(host, None)
            self._judge(host, time.monotonic() - started)

    def _judge(self, host: str, seconds: float) -> None:
        if seconds > _SLOW_SECONDS:
            _remember(self._slow, host, None)
        else:
            self._slow.pop(host, None)


class _SilentServersError(NoAddressError):
    """The name servers did not answer, or not with an answer: what was known before may still be true."""


def _ask(host: str) -> Addresses:
    """Blocks: the system's resolver, with its hosts file and its search rules."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise NoAddressError("the name is not valid") from None
    except socket.gaierror as problem:
        if problem.errno == socket.EAI_AGAIN:
            raise _SilentServersError("the name servers did not answer") from None
        raise NoAddressError("the name has no address") from None
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _remember(book: dict[str, _Value], host: str, value: _Value) -> None:
    """The newest last, and the oldest forgotten where there are too many."""
    book.pop(host, None)
    book[host] = value
    if len(book) > _NAMES_MAX:
        del book[next(iter(book))]
