from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Kind, first_id_at, from_text, id_beside, new_id, time_of, to_text

AT = datetime(2026, 11, 2, 12, 0, 0, 123_000, tzinfo=UTC)
times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - aware right away
anything = st.uuids()


@given(times)
def test_ids_carry_their_time(at: datetime) -> None:
    """An id is a UUIDv7 (RFC 9562 §5.7) of its time to the millisecond, and not below the bound of that time."""
    identifier = new_id(at)
    assert identifier.version == 7
    assert identifier.variant == "specified in RFC 4122"
    assert timedelta(0) <= at - time_of(identifier) < timedelta(milliseconds=1)
    assert first_id_at(at) <= identifier < first_id_at(at + timedelta(milliseconds=1))


@given(anything, st.sampled_from(Kind), st.sampled_from(Environment))
def test_texts_come_back(identifier: UUID, kind: Kind, environment: Environment) -> None:
    """Every id survives the way to a partner and back."""
    assert from_text(kind, to_text(kind, identifier, environment), environment) == identifier


@given(anything, anything)
def test_texts_sort_as_ids_do(one: UUID, other: UUID) -> None:
    """Sorted texts are sorted by time, too."""
    assert (to_text(Kind.EVENT, one) < to_text(Kind.EVENT, other)) == (one < other)


@given(st.text())
def test_no_text_makes_an_error_of_ours(text: str) -> None:
    """Whatever a caller sends as an id names nothing, or is exactly one id's text."""
    for environment in Environment:
        try:
            identifier = from_text(Kind.PAYMENT, text, environment)
        except NotFound:
            continue
        assert to_text(Kind.PAYMENT, identifier, environment) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay_",
        "pay_" + "0" * 25,
        "pay_" + "0" * 27,
        "pay_8" + "0" * 25,
        "pay_" + "u" * 26,
        "PAY_" + "0" * 26,
        "pay_" + "0" * 25 + "A",
        "evt_" + "0" * 26,
        "pay_test_" + "0" * 26,
        " pay_" + "0" * 26,
    ],
)
def test_what_names_nothing_is_not_found(text: str) -> None:
    """Too short, too long, too large, of another kind or of the other environment: all the same to a caller."""
    with pytest.raises(NotFound):
        from_text(Kind.PAYMENT, text)


def test_environments_do_not_meet() -> None:
    """A live id names nothing in test, nor a test id in live."""
    live, test = to_text(Kind.PAYMENT, NIL), to_text(Kind.PAYMENT, NIL, Environment.TEST)
    assert test.startswith("pay_test_")
    with pytest.raises(NotFound):
        from_text(Kind.PAYMENT, live, Environment.TEST)
    with pytest.raises(NotFound):
        from_text(Kind.PAYMENT, test, Environment.LIVE)


def test_a_delivery_keeps_its_events_milliseconds() -> None:
    """An id beside another has the same time and another value."""
    event = new_id(AT)
    delivery = id_beside(event)
    assert delivery != event
    assert delivery.version == 7
    assert time_of(delivery) == time_of(event) == AT


def test_ids_of_one_millisecond_differ() -> None:
    """Seventy-four random bits keep ids of one moment apart."""
    assert len({new_id(AT) for _ in range(10_000)}) == 10_000


def test_naive_times_are_refused() -> None:
    """A time without its zone has no place here; another zone's time is the same moment."""
    with pytest.raises(ValueError, match="naive"):
        new_id(datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    assert first_id_at(elsewhere) == first_id_at(AT)
