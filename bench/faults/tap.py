"""Reads along what the system tells the bank: under which reference the bank's books will have which payment."""

import re
from collections.abc import Callable

from bench.lines import Lines
from bench.target import Books

_KEPT_BYTES_MAX = 65_536


class OrderTap:
    """A tap for a proxy before the bank. Each order is a line with `ours` and `theirs`."""

    def __init__(self, books: Books, log: Lines) -> None:
        self._ours = re.compile(books.ours.encode())
        self._theirs = re.compile(books.theirs.encode())
        self._log = log

    def __call__(self) -> Callable[[bytes], None]:
        """For one connection."""
        unread = b""

        def see(chunk: bytes) -> None:
            nonlocal unread
            unread += chunk
            pairs = list(zip(self._ours.finditer(unread), self._theirs.finditer(unread), strict=False))
            for ours, theirs in pairs:
                self._log.write(ours=ours.group(1).decode(), theirs=theirs.group(1).decode())
            read = max((match.end() for pair in pairs for match in pair), default=0)
            unread = unread[read:][-_KEPT_BYTES_MAX:]

        return see
