"""Random bytes that are fetched in pages."""

import os
from concurrent.futures import ThreadPoolExecutor

from kernel.randomness import RANDOM_BYTES, random_bytes


def test_nothing_is_handed_out_twice() -> None:
    """Over many pages, and to threads that ask at once, each answer is another one and of its length."""
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: random_bytes(), range(5_000)))
    assert len(set(told)) == len(told)
    assert {len(each) for each in told} == {RANDOM_BYTES}


def test_a_forked_process_draws_its_own() -> None:
    """A child never draws what its parent draws: a nonce that came twice would give both messages away."""
    random_bytes()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, random_bytes())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, RANDOM_BYTES)
    os.close(read)
    os.close(write)
    assert theirs not in {random_bytes() for _ in range(1_000)}
