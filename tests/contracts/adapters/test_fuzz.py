"""What no bank should send: every adapter reads anything without raising, and rejects nothing for it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import BankSettings, Verdict
from adapters.declaration import OperationKind
from adapters.wire import WireReply
from kernel.masked import Secret
from tests.contracts.adapters.kit.harness import ADAPTERS, NAMES
from tests.contracts.adapters.kit.recordings import Recorded, parses

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode(errors="replace"))
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "date", "content-type"]), st.text(), max_size=3)
REPLIES = st.builds(WireReply, status=st.integers(100, 599), headers=HEADERS, body=BODIES)
KINDS = st.sampled_from(sorted(OperationKind))
STATUSES = (200, 404, 500, 503)


@pytest.mark.parametrize("name", NAMES)
@given(kind=KINDS, reply=REPLIES)
def test_garbage_proves_nothing(name: str, kind: OperationKind, reply: WireReply) -> None:
    """Bytes that are not of the protocol are unknown: never an error, never a refusal, never a payment."""
    assert ADAPTERS[name].parse(kind, reply).verdict is Verdict.UNKNOWN


def refuses(name: str, recorded: Recorded) -> bool:
    """Whether the bank says no: under its own status, or under one that only makes it heard."""
    replies = (WireReply(status=each, headers={}, body=recorded.body) for each in (recorded.status, *STATUSES))
    return any(ADAPTERS[name].parse(recorded.kind, reply).verdict is Verdict.REJECTED for reply in replies)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_answer_never_turns_into_a_refusal(name: str, data: st.DataObject) -> None:
    """A recorded answer that is no refusal does not become one by losing, repeating or changing bytes or its status."""
    told = [each for each in parses(name) if not refuses(name, each)]
    if not told:
        return
    recorded: Recorded = data.draw(st.sampled_from(told))
    body = data.draw(damaged(recorded.body))
    status = data.draw(st.sampled_from([recorded.status, *STATUSES]))
    evidence = ADAPTERS[name].parse(recorded.kind, WireReply(status=status, headers={}, body=body))
    assert evidence.verdict is not Verdict.REJECTED


@pytest.mark.parametrize("name", NAMES)
@given(raw=BODIES, headers=st.dictionaries(st.text(), st.text(), max_size=3))
def test_garbage_at_the_door_is_refused(name: str, raw: bytes, headers: Mapping[str, str]) -> None:
    """Notifications that nobody signed are neither verified nor read as news, and never raise."""
    bank = BankSettings(base_url="http://127.0.0.1:1", secrets={"notification_secret": Secret("s")})
    adapter = ADAPTERS[name]
    assert not adapter.verify_notification(raw, headers, bank, datetime.now(UTC)).verified
    assert adapter.parse_notification(raw).evidence.verdict is Verdict.UNKNOWN


@st.composite
def damaged(draw: Any, body: bytes) -> bytes:
    """The body with a piece cut out or overwritten; no lower-case letters, so that chance spells no word."""
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 8)))
    return body[:start] + bytes(draw(st.lists(st.integers(0, 0x60), max_size=4))) + body[end:]
