"""What is shown of an exchange that was kept whole."""

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Exchange
from adapters.exchanges.history import KeptExchange
from adapters.exchanges.masking import without_person
from kernel.ids import NIL
from kernel.masked import AccountNumber, PersonName
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


def test_whose_accounts_they_are_is_shown_by_their_ends() -> None:
    """IBANs and UK accounts whoever named them, known names and numbers however JSON writes them; ids stay."""
    body = (
        b'{"payer":"GB33BUKB20201555555555","to":"20201555555555","number":"55555555","name":"Jos\\u00e9 A",'
        b'"again":"Jos\xc3\xa9 A","firm":"Example Ltd.","id":"AB12CDEFGHIJKLMNOP","reference":"invoice 155555555"}'
    )
    known = (PersonName("José A"), AccountNumber("55555555"), PersonName("A"), PersonName("Example Ltd."))
    shown = KeptExchange.of(ROW, _exchange(body).to_bytes(), known).exchange
    assert shown is not None
    assert orjson.loads(shown.reply_body) == {
        "payer": "••••5555",
        "to": "••••5555",
        "number": "••••5555",
        "name": "J•••",
        "again": "J•••",
        "firm": "E•••",
        "id": "AB12CDEFGHIJKLMNOP",
        "reference": "invoice 155555555",
    }


def test_what_was_erased_is_shown_as_a_call_without_words() -> None:
    """When it was, and how it ended, stands in plain columns."""
    shown = KeptExchange.of(ROW, KeyDestroyed())
    assert (shown.kind, shown.outcome, shown.exchange) == ("submit", "answered", None)


@given(st.binary() | st.from_regex(rb"(https?:(\\?/){2}[a-z\"/?]*)*"))
def test_masking_again_changes_nothing(reply: bytes) -> None:
    """What was masked when it was kept is shown as it was kept."""
    once = without_person(_exchange(reply))
    assert without_person(once) == once
