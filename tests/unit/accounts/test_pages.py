"""Cursors over a bank's pages, and ids of entries."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.reading.pages import Place, from_text, not_shown, to_text, transaction_id
from adapters.contract.accounts import BankTransaction, BookingStatus
from kernel.errors import Invalid
from kernel.money import Money

ACCOUNT, OTHER = UUID(int=1), UUID(int=2)


def entry(number: int | None, status: BookingStatus = BookingStatus.BOOKED) -> BankTransaction:
    return BankTransaction(
        amount=Money("GBP", 1), is_credit=True, status=status, id=None if number is None else str(number)
    )


@given(
    booked=st.lists(st.integers(0, 60), unique=True, max_size=60),
    size=st.integers(1, 7),
    shifts=st.lists(st.integers(0, 5), max_size=80),
)
def test_shifting_pages_show_each_entry_once(booked: list[int], size: int, shifts: list[int]) -> None:
    """New entries push old ones to later pages; what was there at the start is shown once, in its order."""
    books, shown, start, remembered = list(booked), [], 0, ()
    newest = iter(range(1_000, 9_000))
    for turn in range(200):
        page = books[start : start + size]
        fresh, remembered = not_shown(ACCOUNT, [entry(number) for number in page], remembered)
        shown += [int(each.id or 0) for each, _ in fresh]
        start += size
        if start >= len(books):
            break
        books = [next(newest) for _ in range(min(shifts[turn], size - 1) if turn < len(shifts) else 0)] + books
    assert [number for number in shown if number < 1_000] == booked
    assert len(shown) == len(set(shown))


def test_entries_without_an_id_are_all_shown() -> None:
    """Two equal entries may be two."""
    fresh, remembered = not_shown(ACCOUNT, [entry(None), entry(None)], ())
    assert ([identifier for _, identifier in fresh], remembered) == ([None, None], ())


def test_a_pending_entry_that_is_booked_is_shown_again() -> None:
    """It has another thing to say under the same id."""
    _, remembered = not_shown(ACCOUNT, [entry(1, BookingStatus.PENDING)], ())
    fresh, _ = not_shown(ACCOUNT, [entry(1)], remembered)
    assert fresh[0][1] == transaction_id(ACCOUNT, entry(1, BookingStatus.PENDING))


def test_ids_are_of_their_account() -> None:
    """The same entry has the same id whenever it is read, and another one under another account."""
    assert transaction_id(ACCOUNT, entry(1)) == transaction_id(ACCOUNT, entry(1))
    assert transaction_id(ACCOUNT, entry(1)) != transaction_id(OTHER, entry(1))
    found = transaction_id(ACCOUNT, entry(1))
    assert found is not None
    assert (found.version, found.variant) == (8, "specified in RFC 4122")


@given(
    st.lists(st.binary(min_size=6, max_size=6), max_size=400), st.none() | st.text(max_size=50), st.none() | st.dates()
)
def test_places_survive_their_bytes(shown: list[bytes], page: str | None, day: date | None) -> None:
    """What is sealed into a cursor comes back as it was."""
    place = Place(page=page, booked_from=day, booked_to=None, shown=tuple(shown))
    assert Place.from_json(place.to_json()) == place
    assert from_text(to_text(place.to_json())) == place.to_json()


def test_a_full_cursor_fits() -> None:
    """The longest memory with a long link is shorter than what the API takes as a cursor."""
    place = Place(page="/accounts/1/transactions?page=" + "x" * 600, shown=(b"123456",) * 400)
    assert len(to_text(place.to_json() + b"x" * 64)) < 6_000


@pytest.mark.parametrize("text", ["ä", "a b", "="])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """With a field error."""
    with pytest.raises(Invalid):
        from_text(text)
