"""What is shown of an exchange that was kept whole."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Exchange
from adapters.exchanges.history import KeptExchange
from adapters.exchanges.masking import without_person
from kernel.ids import NIL
from kernel.sealing import KeyDestroyed

PLAIN: dict[str, Any] = {
    "at": datetime(2026, 11, 26, tzinfo=UTC),
    "outcome": "answered",
    "status_code": 200,
    "duration_us": 5,
}
ROW = {"id": NIL, "kind": "submit", **PLAIN}


def _exchange(reply: bytes, **headers: str) -> Exchange:
    head = {"method": "POST", "headers": headers, "reply_headers": {"Location": "https://bank.example.com/opens"}}
    return Exchange(head=head, request_body=b'{"a":1}', reply_body=reply, **PLAIN)


def test_nothing_is_shown_that_lets_somebody_act_for_the_payer() -> None:
    """However it was kept: the payer's address and browser, and what follows the host in addresses."""
    headers = {"PSU-IP-Address": "203.0.113.7", "PSU-User-Agent": "Mozilla", "Accept": "application/json"}
    kept = _exchange(b'{"scaRedirect":"https:\\/\\/bank.example.com\\/sca?opens=1"}', **headers)
    shown = KeptExchange.of(ROW, kept.to_bytes()).exchange
    assert shown is not None
    told = shown.to_bytes()
    assert not [each for each in (b"203.0.113.7", b"Mozilla", b"opens") if each in told]
    assert told.count(b"bank.example.com") == 2
    assert b"application/json" in told
    assert shown.request_body == kept.request_body


def test_what_was_erased_is_shown_as_a_call_without_words() -> None:
    """When it was, and how it ended, stands in plain columns."""
    shown = KeptExchange.of(ROW, KeyDestroyed())
    assert (shown.kind, shown.outcome, shown.exchange) == ("submit", "answered", None)


@given(st.binary() | st.from_regex(rb"(https?:(\\?/){2}[a-z\"/?]*)*"))
def test_masking_again_changes_nothing(reply: bytes) -> None:
    """What was masked when it was kept is shown as it was kept."""
    once = without_person(_exchange(reply))
    assert without_person(once) == once
