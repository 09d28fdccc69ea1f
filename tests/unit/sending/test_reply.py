"""The reader of answers: however the bytes are cut into pieces, they mean the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.sending.lean_transport.reply import Ending, ReplyReader
from webhooks.sending.transport import BodyState

HEAD_MAX, BODY_MAX = 2_000, 50
OK = b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 2\r\n\r\nok"

ANSWERS: dict[str, tuple[bytes, int, bytes]] = {
    "plain": (OK, 200, b"ok"),
    "after hints": (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n" + OK, 200, b"ok"),
    "chunks and trailers": (
        b"HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nretry-after: 5\r\n\r\n",
        500,
        b"ok",
    ),
    "204 with a body": (b"HTTP/1.1 204 X\r\ncontent-length: 2\r\n\r\nok", 204, b""),
    "two answers": (b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n" + OK, 500, b""),
    "beyond the cap": (b"HTTP/1.1 200 X\r\ncontent-length: 90\r\n\r\n" + b"x" * 90, 200, b"x" * BODY_MAX),
    "just the cap": (b"HTTP/1.1 200 X\r\ncontent-length: 50\r\n\r\n" + b"x" * 50, 200, b"x" * BODY_MAX),
    "rubbish after a close": (OK.replace(b"x-a: b", b"connection: close") + b"XX", 200, b"ok"),
}
FAILURES = {
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "a zero byte": b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\no",
    "a length beside chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n",
    "a long head": b"HTTP/1.1 200 OK\r\n" + b"x: yyyy\r\n" * 300 + b"content-length: 0\r\n\r\n",
    "a long line": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 5_000,
    "hints for ever": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100,
}


def read(answer: bytes, cuts: list[int]) -> ReplyReader:
    """Feed the answer in pieces until it has an ending; a connection would be gone then, or idle."""
    reader = ReplyReader(HEAD_MAX, BODY_MAX)
    places = sorted({cut % (len(answer) + 1) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(answer)], strict=True):
        if start != end and reader.feed(answer[start:end]):
            break
    return reader


CUTS = st.lists(st.integers(min_value=0, max_value=10_000), max_size=8)


@pytest.mark.parametrize("name", ANSWERS)
@settings(max_examples=25)
@given(cuts=CUTS)
def test_an_answer_is_the_same_in_any_pieces(name: str, cuts: list[int]) -> None:
    """Status and body do not depend on how the network cut the bytes."""
    answer, status, body = ANSWERS[name]
    reader = read(answer, cuts)
    assert reader.ending is Ending.ANSWERED
    assert (reader.status, b"".join(reader.body)) == (status, body)
    assert "retry-after" not in dict(reader.headers)
    assert (reader.body_state is BodyState.CAPPED) == (name == "beyond the cap")


@pytest.mark.parametrize("name", FAILURES)
@settings(max_examples=25)
@given(cuts=CUTS)
def test_what_is_no_answer_fails_in_any_pieces(name: str, cuts: list[int]) -> None:
    """It is never taken for an answer, has words for people, and repeats nothing of what was said."""
    reader = read(FAILURES[name], cuts)
    assert (reader.ending, reader.status, reader.is_reusable) == (Ending.FAILED, 0, False)
    assert "the answer" in reader.problem
    assert "SSH" not in reader.problem


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_are_read_without_harm(noise: bytes, cuts: list[int]) -> None:
    """Whatever comes, alone or after a good beginning, ends in a state and never in an exception."""
    for start in (b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"):
        reader = read(start + noise, cuts)
        assert reader.ending is not Ending.FAILED or reader.status == 0
        assert sum(map(len, reader.body)) <= BODY_MAX


@pytest.mark.parametrize(
    ("head", "state"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", BodyState.COMPLETE),
        (b"HTTP/1.0 200 OK\r\n\r\n", BodyState.COMPLETE),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", BodyState.COMPLETE),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", BodyState.BROKEN),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", BodyState.BROKEN),
    ],
)
def test_the_end_of_a_connection_ends_a_body_without_length(head: bytes, state: BodyState) -> None:
    """RFC 9112 §6.3: without a length the close is the end; with one it is too early."""
    reader = ReplyReader(HEAD_MAX, BODY_MAX)
    assert not reader.feed(head + (b"" if b"chunked" in head else b"ok"))
    reader.finish()
    assert (reader.ending, reader.body_state, reader.is_reusable) == (Ending.ANSWERED, state, False)


def test_a_reader_serves_one_answer_after_another() -> None:
    """Nothing of an answer is left for the next."""
    reader = ReplyReader(HEAD_MAX, BODY_MAX)
    assert reader.feed(OK)
    assert reader.is_reusable
    reader.begin()
    assert reader.feed(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
    assert (reader.status, reader.headers, reader.body) == (404, [("content-length", "0")], [])
