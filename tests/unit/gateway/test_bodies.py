import asyncio
from contextlib import suppress
from unittest.mock import Mock

import orjson
import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from gateway.handlers.prefer import Wait, WaitPolicy, wait_of
from gateway.http.bodies import DEPTH_MAX, check_numbers, parse, query, read
from gateway.http.replies import refuse
from gateway.problems.document import problem_of
from gateway.problems.errors import Malformed, RequestTimeout
from gateway.schemas.pages import PageQuery
from kernel.errors import Invalid

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(value=json_values)
def test_good_json_is_read_as_it_is(value: object) -> None:
    """Strictness refuses nothing that is right."""
    assert parse(orjson.dumps(value), unique_names=True) == value


@given(body=st.binary(max_size=200))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    """There is no third way out."""
    with suppress(Malformed):
        parse(body, unique_names=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"amount": 1,\n "reference": MARKED}', "line 2, column 15"),
        (b"", "line 1, column 1"),
        (b'{"a": "\xff"}', "in UTF-8."),
    ],
)
def test_what_is_no_json_is_told_where(body: bytes, words: str) -> None:
    """By line and column, without a word of it; what is no UTF-8 has no columns."""
    with pytest.raises(Malformed) as refused:
        parse(body)
    assert words in refused.value.detail
    assert "MARKED" not in refused.value.detail


@pytest.mark.parametrize("deep", [b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), b"[" * 100_000])
def test_deep_nesting_is_refused(deep: bytes) -> None:
    """One level more than the cap is too deep, and far too deep does no harm."""
    with pytest.raises(Malformed):
        parse(deep)


def test_nesting_up_to_the_cap_and_broad_bodies_are_fine() -> None:
    """The cap is on depth, not on size."""
    inner = b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1)
    parse(b"[" + b",".join([inner] * 100) + b"]")


@pytest.mark.parametrize("body", [b'"a\\u0000"', b'{"\\u0000": 1}', b'[["\\u0000"]]'])
def test_nul_is_refused(body: bytes) -> None:
    """PostgreSQL's text cannot hold it."""
    with pytest.raises(Malformed):
        parse(body)


def test_text_about_nul_is_no_nul() -> None:
    r"""A backslash, then u0000 as plain letters."""
    assert parse(b'"\\\\u0000"') == "\\u0000"


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"x":[{"b":1,"c":2,"b":3}]}', b'{"a":1,"\\u0061":2}'])
def test_a_name_twice_is_refused_where_asked(body: bytes) -> None:
    """Two readers could take different ones; also when the name is spelt differently."""
    with pytest.raises(Malformed):
        parse(body, unique_names=True)
    parse(body)


def test_a_query_parameter_stands_once() -> None:
    """Which of two would count is nobody's guess; the one that is there twice is named."""
    with pytest.raises(Invalid) as refused:
        query(PageQuery, MultiDict([("limit", "1"), ("cursor", "c"), ("limit", "2")]))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/limit", "repeated")]


@pytest.mark.parametrize(
    ("values", "wait"),
    [
        ([], Wait(10)),
        (["respond-async"], Wait(0, "respond-async")),
        (["wait=3"], Wait(3, "wait=3")),
        (["respond-async, wait=5"], Wait(5, "wait=5")),
        (["wait=9999"], Wait(30, "wait=30")),
        (["return=minimal; x=y"], Wait(10)),
        (["wait=1, wait=2"], Wait(1, "wait=1")),
        (["wait=1", "wait=2"], Wait(1, "wait=1")),
        (["wait=x"], Wait(10)),
        (["wait="], Wait(10)),
        (["wait=-1"], Wait(10)),
        (["wait=1.5, respond-async"], Wait(0, "respond-async")),
        (["wait=soon, wait=2"], Wait(10)),
    ],
)
def test_prefer_is_read_as_rfc_7240_says(values: list[str], wait: Wait) -> None:
    """Wait and respond-async count, the first of each; what we do not know or understand is ignored."""
    assert wait_of(values, WaitPolicy()) == wait


async def test_a_body_that_never_ends_is_given_up() -> None:
    """408 and the connection ends, however many pieces came; a body that is there needs no time at all."""
    content = StreamReader(Mock(), 1024, loop=asyncio.get_running_loop())
    request = make_mocked_request("POST", "/", payload=content)
    content.feed_data(b"{")
    with pytest.raises(RequestTimeout) as raised:
        await read(request, 100, seconds=0)
    answer = refuse(problem_of(raised.value), "r", {})
    assert (answer.status, answer.keep_alive) == (408, False)
    content.feed_data(b"}")
    content.feed_eof()
    assert await read(request, 100, seconds=0) == b"}"


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "-9223372036854775808", "0", "1e300", '"18446744073709551616"']
)
def test_numbers_that_are_kept_exactly_pass(number: str) -> None:
    """Whole numbers of 64 bits, fractions, and texts however many digits they have."""
    check_numbers(f'{{"data": {{"x": [{number}]}}}}'.encode())


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "9" * 5000])
def test_whole_numbers_that_would_be_rounded_are_refused(number: str) -> None:
    """Where they stand is named, and they are not repeated; a neighbour of 64 bits is none of them."""
    with pytest.raises(Invalid) as refused:
        check_numbers(f'{{"data": {{"a/b": [1, {number}], "y": 18446744073709551615, "z": null}}}}'.encode())
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/data/a~1b/1", "too_large")]
    assert number not in refused.value.errors[0].message
