"""Randomness of the operating system, taken a page at a time: a system call for each id costs more than the id.

What is handed out is never handed out again, in this process or in one that was forked from it.
"""

import os

RANDOM_BYTES = 12
_PAGE = 341 * RANDOM_BYTES

_kept: list[bytes] = []


def random_bytes() -> bytes:
    """Twelve random bytes: as many as a nonce of AES-GCM has, and more than an id needs."""
    try:
        # One step, which no other thread can divide.
        return _kept.pop()
    except IndexError:
        page = os.urandom(_PAGE)
        first, *rest = [page[start : start + RANDOM_BYTES] for start in range(0, _PAGE, RANDOM_BYTES)]
        _kept.extend(rest)
        return first


os.register_at_fork(after_in_child=_kept.clear)
