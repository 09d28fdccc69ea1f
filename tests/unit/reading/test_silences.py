"""The times at which endpoints heard nothing."""

from uuid import UUID

from webhooks.reading.scanning import Span
from webhooks.reading.undelivered.silences import Silence, Silences, number_of
from webhooks.states import EndpointState


def silences(*parts: tuple[int, int, int]) -> Silences:
    """Of these endpoints, from and to these ids."""
    return Silences(
        rows=tuple(
            Silence(endpoint_id=UUID(int=who), state=EndpointState.DISABLED, low=UUID(int=low), high=UUID(int=high))
            for who, low, high in parts
        )
    )


def test_the_parts_lie_within_the_span_and_apart() -> None:
    """What overlaps or touches is one part, and what lies outside is none."""
    found = silences((1, 5, 20), (2, 10, 30), (3, 30, 40), (4, 50, 60), (5, 90, 99)).within(
        Span(low=UUID(int=10), high=UUID(int=55))
    )
    assert [(part.low.int, part.high.int) for part in found] == [(10, 40), (50, 55)]


def test_an_event_is_shown_once_for_each_endpoint_that_was_silent() -> None:
    """In the order of their numbers, whatever silences of an endpoint overlap; an end is not included."""
    found = silences((2, 5, 20), (1, 5, 20), (1, 15, 30)).expand([UUID(int=20), UUID(int=16)])
    one, two = number_of(UUID(int=1)), number_of(UUID(int=2))
    assert list(found) == [(UUID(int=20), one), (UUID(int=16), one), (UUID(int=16), two)]
