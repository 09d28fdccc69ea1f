"""The watch over the event loop catches what it promises, and nothing of the tests' own."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.blocked_loop import LoopBlocked, LoopWatch

ROOT = Path(__file__).resolve().parents[3]


def product_function(body: str) -> Callable[[], Any]:
    """A function as if it stood in the product."""
    scope: dict[str, Any] = {}
    source = f"import pathlib, socket, time\ndef act():\n    {body}\n"
    exec(compile(source, str(ROOT / "gateway/example.py"), "exec"), scope)  # noqa: S102 - a made-up product file
    act: Callable[[], Any] = scope["act"]
    return act


def run_watched(watch: LoopWatch, act: Callable[[], Any]) -> None:
    """Call it in a running loop, watched."""

    async def main() -> None:
        act()

    with watch.on():
        asyncio.run(main())


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(0)",
        "pathlib.Path('/dev/null').read_text()",
        "socket.getaddrinfo('127.0.0.1', 80)",
        "socket.create_connection(('127.0.0.1', 1), timeout=1)",
    ],
)
def test_a_wait_of_the_product_fails_the_test(loop_watch: LoopWatch, body: str) -> None:
    """A blocking call under a running loop is refused and names its place."""
    with pytest.raises(LoopBlocked, match=r"gateway/example\.py:3"):
        run_watched(loop_watch, product_function(body))


def test_a_swallowed_refusal_still_fails_the_test(loop_watch: LoopWatch) -> None:
    """Code that catches every exception does not hide that it blocked."""

    def swallow() -> None:
        with pytest.raises(LoopBlocked):
            product_function("time.sleep(0)")()

    with pytest.raises(LoopBlocked, match="blocked the event loop"):
        run_watched(loop_watch, swallow)


def test_a_long_computation_fails_the_test(loop_watch: LoopWatch) -> None:
    """A callback that keeps the processor for more than a second is found."""

    def compute() -> None:
        until = time.thread_time() + 1.1
        while time.thread_time() < until:
            pass

    with pytest.raises(LoopBlocked, match="computed for"):
        run_watched(loop_watch, compute)


def test_a_test_may_read_its_own_files_and_a_thread_may_wait(loop_watch: LoopWatch) -> None:
    """What a test does itself, and what runs in another thread, is not judged."""

    async def main() -> None:
        Path("/dev/null").read_text(encoding="utf-8")  # noqa: ASYNC240 - on purpose
        await asyncio.to_thread(product_function("time.sleep(0)"))

    with loop_watch.on():
        asyncio.run(main())
