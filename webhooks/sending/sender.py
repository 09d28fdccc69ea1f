"""One attempt: sign, send once, decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kernel.clock import Clock
from kernel.ids import Kind, to_text
from webhooks.sending.model import AttemptResult, ErrorClass, Exchange, LoadedDelivery, Timings, Verdict
from webhooks.sending.signing import Signers
from webhooks.sending.transport import BodyState, Transport, WireReply, WireRequest
from webhooks.sending.verdict import VerdictPolicy, decide_answer, decide_failure, decide_success

Headers = tuple[tuple[str, str], ...]

_MASK = "••••"
_SIGNATURE = "webhook-signature"
_NO_KEYS = "The endpoint has no signing key that can be used; nothing was sent."
# Never an endpoint's own: what identifies, signs and frames the message is ours. The prefix rules are in `is_reserved`.
_RESERVED = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "user-agent"}
)
_RESERVED_PREFIXES = ("webhook-", "threadneedle-", "content-", "proxy-")
_BODY_NOTES = {
    BodyState.COMPLETE: "",
    BodyState.CAPPED: "The answer's body is longer than what is kept.",
    BodyState.LATE: "The answer's body did not end in time.",
    BodyState.BROKEN: "The connection broke within the answer's body.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    """How we introduce ourselves, and how far a receiver's wishes are followed."""

    user_agent: str = "Threadneedle/1"
    verdict: VerdictPolicy = field(default_factory=VerdictPolicy)


class Sender:
    """Makes attempts. What the receiver does is a result, never an exception."""

    def __init__(self, transport: Transport, clock: Clock, policy: SendPolicy) -> None:
        self._transport = transport
        self._clock = clock
        self._policy = policy
        self._signers = Signers()
        self._introduction = (("content-type", "application/json"), ("user-agent", policy.user_agent))

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        """POST the delivery's stored bytes once, signed now, and say what the answer means."""
        started_at = self._clock.now()
        try:
            headers = self._headers(delivery, started_at)
        except ValueError:
            # Nothing is ever sent unsigned: keys that cannot sign are a failure of ours.
            headers, reply = (), WireReply(timings=Timings(total_us=0), error=ErrorClass.INTERNAL, detail=_NO_KEYS)
        else:
            reply = await self._transport.send(
                WireRequest(
                    url=delivery.url,
                    headers=headers,
                    body=delivery.body,
                    client_certificate=delivery.client_certificate,
                )
            )
        return AttemptResult(
            started_at=started_at,
            status_code=reply.status,
            error_class=_error_class(reply),
            timings=reply.timings,
            exchange=_exchange(delivery, headers, reply).to_bytes(),
            verdict=self._verdict(reply),
            certificate_expires_at=reply.certificate_expires_at,
        )

    def _headers(self, delivery: LoadedDelivery, now: datetime) -> Headers:
        """The endpoint's own headers, then ours; the webhook-id is the event's and the same for every attempt."""
        environment, timestamp = delivery.tenant.environment, int(now.timestamp())
        message_id = to_text(Kind.EVENT, delivery.event_id, environment)
        signature = self._signers.of(delivery.signing_keys).header(message_id, timestamp, delivery.body)
        headers = (
            *_own(delivery.headers),
            *self._introduction,
            ("webhook-id", message_id),
            ("webhook-timestamp", str(timestamp)),
            (_SIGNATURE, signature),
            ("threadneedle-delivery", to_text(Kind.DELIVERY, delivery.delivery_id, environment)),
            ("threadneedle-attempt", str(delivery.step + 1)),
            ("threadneedle-cause", delivery.cause.value),
        )
        if delivery.sequence is not None:
            headers += (("webhook-sequence", str(delivery.sequence)),)
        if delivery.is_test:
            headers += (("threadneedle-test", "true"),)
        if delivery.round:
            headers += (("threadneedle-replay", str(delivery.round)),)
        return headers

    def _verdict(self, reply: WireReply) -> Verdict:
        if reply.status is None:
            return decide_failure(reply.error or ErrorClass.INTERNAL)
        if 200 <= reply.status <= 299:
            return decide_success(reply.headers)
        return decide_answer(reply.status, reply.headers, self._clock.now(), self._policy.verdict)


def is_reserved(name: str) -> bool:
    """Whether an endpoint may not set this header itself."""
    lower = name.lower()
    return lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


def _own(headers: Mapping[str, str]) -> Headers:
    return tuple([each for each in headers.items() if not is_reserved(each[0])]) if headers else ()


def _shown(url: str) -> str:
    start, mark, _ = url.partition("?")
    return start + mark + _MASK if mark else url


def _error_class(reply: WireReply) -> ErrorClass | None:
    if reply.status is None:
        return reply.error or ErrorClass.INTERNAL
    return None if 200 <= reply.status <= 299 else ErrorClass.STATUS


def _exchange(delivery: LoadedDelivery, headers: Headers, reply: WireReply) -> Exchange:
    """What may be kept: an endpoint's own header values and the signatures are credentials, and so may a query be."""
    hidden = {*delivery.headers, _SIGNATURE}
    return Exchange(
        url=_shown(delivery.url),
        request_headers=tuple([(name, _MASK if name in hidden else value) for name, value in headers]),
        response_headers=reply.headers,
        response_body=reply.body,
        note=reply.detail or _BODY_NOTES[reply.body_state],
    )
