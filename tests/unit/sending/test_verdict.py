"""What an answer means, as a table."""

from datetime import UTC, datetime

import pytest

from webhooks.sending.model import Blame, Decision, ErrorClass
from webhooks.sending.verdict import VerdictPolicy, decide_answer, decide_failure

NOW = datetime(2026, 11, 2, 12, 0, 0, tzinfo=UTC)
POLICY = VerdictPolicy(retry_after_seconds_max=3600)


def decide(status: int, **headers: str) -> tuple[Decision, Blame | None, int | None]:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    verdict = decide_answer(status, pairs, NOW, POLICY)
    return verdict.decision, verdict.blame, verdict.retry_after_seconds


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_every_2xx_is_delivered(status: int) -> None:
    """Whatever its headers say; of these `disable` alone is heard, and ends what would come after it."""
    assert decide(status) == (Decision.DELIVERED, None, None)
    for word in ("abort-message", "explode"):
        assert _is_last(status, word) == (Decision.DELIVERED, False)
    for word in ("disable", " Disable "):
        assert _is_last(status, word) == (Decision.DELIVERED, True)


def _is_last(status: int, word: str) -> tuple[Decision, bool]:
    verdict = decide_answer(status, [("Retry-After", "9"), ("WebHook-Delivery", word)], NOW, POLICY)
    return verdict.decision, verdict.is_last


@pytest.mark.parametrize(
    ("status", "blame"),
    [
        (101, Blame.LANE),
        (301, Blame.LANE),
        (304, Blame.LANE),
        (400, Blame.DELIVERY),
        (401, Blame.DELIVERY),
        (404, Blame.DELIVERY),
        (422, Blame.DELIVERY),
        (429, Blame.LANE),
        (500, Blame.LANE),
        (503, Blame.LANE),
        (600, Blame.LANE),
        (999, Blame.LANE),
    ],
)
def test_all_else_is_tried_again(status: int, blame: Blame) -> None:
    """Other 4xx are this delivery's failure; 429, 5xx and what is no final answer are the lane's."""
    assert decide(status) == (Decision.RETRY, blame, None)


def test_a_receiver_can_say_stop() -> None:
    """410 and `webhook-delivery: disable` end all, `abort-message` this one; unknown words change nothing."""
    assert decide(410) == (Decision.DISABLE, Blame.LANE, None)
    assert decide(500, Webhook_Delivery=" Disable ") == (Decision.DISABLE, Blame.LANE, None)
    assert decide(400, webhook_delivery="abort-message") == (Decision.ABORT, Blame.DELIVERY, None)
    assert decide(400, webhook_delivery="explode")[0] is Decision.RETRY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 1),
        ("120", 121),
        (" 7 ", 8),
        ("99999", 3601),
        ("Mon, 02 Nov 2026 12:01:00 GMT", 61),
        ("Monday, 02-Nov-26 12:01:00 GMT", 61),
        ("Mon Nov  2 12:01:00 2026", 61),
        ("Mon, 02 Nov 2026 11:00:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3601),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 3601),
        ("172800", 3601),
        ("99999999999", 3601),
        ("9" * 5000, 3601),
        ("0" * 5000 + "7", 8),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Mon, 99 Nov 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    """Seconds or an HTTP date (RFC 9110 §10.2.3), and a second more; beyond the cap the cap, nonsense is ignored."""
    assert decide(429, retry_after=value)[2] == seconds
    assert decide(503, retry_after=value)[2] == seconds
    assert decide(404, retry_after=value)[2] is None


@pytest.mark.parametrize("error", ErrorClass)
def test_a_failure_is_tried_again(error: ErrorClass) -> None:
    """Without an answer the whole lane would fail alike; what is our own fault costs no step and blames nobody."""
    verdict = decide_failure(error)
    is_ours = error in {ErrorClass.INTERNAL, ErrorClass.PROXY}
    assert verdict.decision is Decision.RETRY
    assert (verdict.blame, verdict.is_free) == ((None, True) if is_ours else (Blame.LANE, False))
