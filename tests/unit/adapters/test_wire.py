"""Wire requests as bytes: sealed once, sent again byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.reading.retry_after import retry_after_seconds
from adapters.wire import Credential, Host, WireRequest

TOKENS = st.text("ABCxyz019-_", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
PATHS = st.text("abc/?=&%20", max_size=20).map(lambda text: f"/{text}".replace(" ", ""))
REQUESTS = st.builds(
    WireRequest,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=PATHS,
    headers=st.lists(st.tuples(TOKENS, VALUES), max_size=4).map(tuple),
    body=st.binary(max_size=200),
    fresh=st.lists(TOKENS, max_size=2).map(tuple),
    host=st.sampled_from(Host),
    credential=st.sampled_from(Credential),
    scope=st.text(max_size=12),
    signed=st.booleans(),
    signed_answer=st.booleans(),
)


@given(request=REQUESTS)
def test_bytes_give_the_request_back(request: WireRequest) -> None:
    """A request survives sealing exactly, and the same request always gives the same bytes."""
    sealed = request.to_bytes()
    assert WireRequest.from_bytes(sealed) == request
    assert WireRequest.from_bytes(sealed).to_bytes() == sealed


def test_what_an_earlier_version_sealed_is_read() -> None:
    """Bytes from before there were hosts, payers and signatures are a call of ours to the API, unsigned."""
    sealed = b'{"version":1,"method":"GET","path":"/","headers":[["A","b"]],"fresh":["date"]}\nbody'
    expected = WireRequest(method="GET", path="/", headers=(("A", "b"),), fresh=("date",), body=b"body")
    assert WireRequest.from_bytes(sealed) == expected


@pytest.mark.parametrize("sealed", [b"", b"{}\n", b"[]\n", b'{"version":3}\n', b'{"version":1}', b"\xff\n"])
def test_other_bytes_are_refused(sealed: bytes) -> None:
    """Bytes that no version of ours wrote raise ValueError."""
    with pytest.raises(ValueError, match=r"."):
        WireRequest.from_bytes(sealed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "GE T"},
        {"path": "payments"},
        {"path": "/pay ments"},
        {"path": "/a#b"},
        {"path": "/a\r\nHost: b"},
        {"headers": (("A B", "c"),)},
        {"headers": (("A", "b\r\nC: d"),)},
        {"fresh": ("Da te",)},
    ],
)
def test_a_head_that_could_not_be_sent_cannot_be_made(wrong: dict[str, object]) -> None:
    """What cannot stand in a request's head fails before the intent is committed, not after the connection is made."""
    with pytest.raises(ValueError, match="request's head"):
        WireRequest(**{"method": "GET", "path": "/", **wrong})  # type: ignore[arg-type]


def test_a_body_does_not_print_itself() -> None:
    """A request's body carries account numbers, so its text form leaves it out."""
    assert "GB82WEST" not in repr(WireRequest(method="POST", path="/", body=b"GB82WEST12345698765432"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 02 Nov 2026 12:01:00 GMT"}, None),
        ({"retry-after": "Mon, 02 Nov 2026 12:01:00 GMT", "date": "Mon, 02 Nov 2026 12:00:00 GMT"}, 60),
        ({"retry-after": "Mon, 02 Nov 2026 11:00:00 GMT", "date": "Mon, 02 Nov 2026 12:00:00 GMT"}, 0),
        ({"retry-after": "Mon, 02 Nov 2026 11:00:00", "date": "Mon, 02 Nov 2026 12:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_without_a_clock(headers: dict[str, str], seconds: int | None) -> None:
    """Seconds count as they are; a date counts from the answer's own date; anything else says nothing."""
    assert retry_after_seconds(headers) == seconds
