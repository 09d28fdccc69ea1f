"""What meets the ownership challenge."""

import pytest

from webhooks.endpoints.trying.answer import SENTENCES, ChallengeReason, judge
from webhooks.sending.model import ErrorClass, Timings
from webhooks.sending.transport import BodyState, WireReply

TOKEN = "c2VjcmV0-dG9rZW4"
TIMINGS = Timings(total_us=1)


def answered(body: bytes, status: int = 200, body_state: BodyState = BodyState.COMPLETE) -> ChallengeReason:
    return judge(WireReply(timings=TIMINGS, status=status, body=body, body_state=body_state), TOKEN)


@pytest.mark.parametrize(
    "body",
    [
        TOKEN.encode(),
        TOKEN.encode() + b"\r\n",
        f'{{"challenge": "{TOKEN}"}}'.encode(),
        f'{{"ok": true, "challenge": "{TOKEN}"}}'.encode(),
        f'"{TOKEN}"'.encode(),
    ],
)
def test_the_token_meets_it(body: bytes) -> None:
    """As the body, as a JSON text, or as the member `challenge`; with any 2xx."""
    assert answered(body) is ChallengeReason.ANSWERED
    assert answered(body, status=202) is ChallengeReason.ANSWERED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        TOKEN[:-1].encode(),
        TOKEN.encode() + b"x",
        f'{{"token": "{TOKEN}"}}'.encode(),
        f'[{{"challenge": "{TOKEN}"}}]'.encode(),
        b'{"challenge": null}',
        b'{"challenge": ["' + TOKEN.encode() + b'"]}',
        b"\xff\xfe",
        b"<html>" + TOKEN.encode() + b"</html>",
    ],
)
def test_nothing_else_does(body: bytes) -> None:
    """Also not a page that repeats all that it was sent."""
    assert answered(body) is ChallengeReason.BODY_OTHER


def test_the_token_alone_is_not_enough() -> None:
    """An answer that is no 2xx, a body that is not whole, and no answer at all do not meet it."""
    assert answered(TOKEN.encode(), status=301) is ChallengeReason.STATUS
    assert answered(TOKEN.encode(), status=500) is ChallengeReason.STATUS
    for state in (BodyState.CAPPED, BodyState.LATE, BodyState.BROKEN):
        assert answered(TOKEN.encode(), body_state=state) is ChallengeReason.BODY_UNREAD
    away = WireReply(timings=TIMINGS, error=ErrorClass.TLS)
    assert judge(away, TOKEN) is ChallengeReason.UNREACHABLE


def test_every_reason_is_explained() -> None:
    """In a sentence of ours."""
    assert set(SENTENCES) == set(ChallengeReason)
