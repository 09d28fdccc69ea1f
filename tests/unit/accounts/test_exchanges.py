"""What is kept of a call at a bank about a consent."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from accounts.consents.hear import Heard
from accounts.exchanges.keeping import kept
from adapters.contract import Exchange
from adapters.contract.accounts import Reading, ReadingKind, Trouble

AT = datetime(2026, 11, 26, tzinfo=UTC)


def _exchange(reply: bytes = b"", request: bytes = b"", **headers: str) -> Exchange:
    plain = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(
        at=AT,
        outcome="answered",
        duration_us=5,
        status_code=200,
        head={"method": "POST", "headers": plain, "reply_headers": {}},
        request_body=request,
        reply_body=reply,
    )


def _kept(kind: ReadingKind, exchange: Exchange, trouble: Trouble | None = None) -> Exchange:
    found = kept(kind, Heard(reading=Reading(trouble=trouble), exchange=exchange))
    assert found is not None
    return found


def test_what_was_read_is_kept_as_its_length() -> None:
    """The bank's refusals are kept; a statement is not, and neither is the whole of a page that nobody understands."""
    statement = _exchange(b'{"balances":[]}')
    for kind in (ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS):
        assert _kept(kind, statement).reply_body == b"(15 bytes, not kept)"
        assert _kept(kind, statement, Trouble.REFUSED).reply_body == b'{"balances":[]}'
    assert _kept(ReadingKind.CONSENT, statement).reply_body == b'{"balances":[]}'
    long = _kept(ReadingKind.ACCOUNTS, _exchange(b"x" * 100_000), Trouble.UNREADABLE)
    assert len(long.reply_body) == 16_384


def test_the_person_and_what_leads_to_their_consent_are_masked() -> None:
    """Also where JSON escapes the slashes of an address."""
    url = b'{"a":"https://bank.example.com/sca/opens?token=opens","b":"https:\\/\\/bank.example.com\\/sca/opens?token=opens"}'
    headers = {
        "PSU_IP_Address": "203.0.113.7",
        "x_fapi_customer_ip_address": "203.0.113.7",
        "TPP_Redirect_URI": "https://gateway.example.com/back?state=opens",
    }
    found = _kept(ReadingKind.CONSENT, _exchange(url, b"redirect=https://a.example/#opens", **headers))
    told = found.to_bytes()
    assert b"opens" not in told
    assert b"203.0.113.7" not in told
    assert told.count(b"bank.example.com") == 2
    assert b"https://gateway.example.com/" in told


def test_a_call_that_was_never_made_leaves_nothing() -> None:
    """There is nothing to show of it."""
    assert kept(ReadingKind.CONSENT, Heard(left=False)) is None


@given(st.binary(), st.binary())
def test_an_exchange_comes_back_as_it_was_kept(request: bytes, reply: bytes) -> None:
    """Whatever bytes went and came."""
    exchange = _exchange(reply, request, accept="application/json")
    plain = {"at": AT, "outcome": "answered", "duration_us": 5, "status_code": 200}
    assert Exchange.from_bytes(exchange.to_bytes(), **plain) == exchange
