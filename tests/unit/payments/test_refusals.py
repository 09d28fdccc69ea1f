"""What is logged and kept of notifications that are refused."""

from structlog.testing import capture_logs

from payments.inbox.refusals import Refusals
from tests.support.clock import FakeClock


def test_a_flood_is_one_line_a_minute_with_its_count() -> None:
    """The first one is told at once; what came since is counted in the next line of the same bank and reason."""
    clock = FakeClock()
    refusals = Refusals(clock)
    with capture_logs() as lines:
        for _ in range(1000):
            refusals.tell("bank-1", "bad_signature")
        refusals.tell("bank-1", "expired")
        refusals.tell("bank-2", "bad_signature")
        clock.advance(59)
        refusals.tell("bank-1", "bad_signature")
        clock.advance(1)
        refusals.tell("bank-1", "bad_signature")
        refusals.tell("bank-1", "bad_signature")
    assert [(line["event"], line["bank_id"], line["why"], line["times"]) for line in lines] == [
        ("notification.refused", "bank-1", "bad_signature", 1),
        ("notification.refused", "bank-1", "expired", 1),
        ("notification.refused", "bank-2", "bad_signature", 1),
        ("notification.refused", "bank-1", "bad_signature", 1001),
    ]


def test_of_a_flood_the_first_few_of_a_minute_are_kept() -> None:
    """Ten of each bank and reason: enough to see what is wrong, too few to fill a disk."""
    clock = FakeClock()
    refusals = Refusals(clock)
    assert sum(refusals.tell("bank-1", "bad_signature") for _ in range(1000)) == 10
    assert refusals.tell("bank-2", "bad_signature")
    clock.advance(60)
    assert sum(refusals.tell("bank-1", "bad_signature") for _ in range(1000)) == 10
