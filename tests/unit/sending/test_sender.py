"""The sender: headers, masking, and what a reply becomes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from kernel.ids import Environment, Tenant
from kernel.masked import Secret
from tests.support.clock import FakeClock
from webhooks.sending.model import Cause, Decision, ErrorClass, Exchange, LoadedDelivery, SigningKey, Timings
from webhooks.sending.sender import Sender, SendPolicy, is_reserved
from webhooks.sending.signing import new_secret
from webhooks.sending.transport import BodyState, WireReply, WireRequest
from webhooks.states import SignatureScheme

EVENT = UUID("01932b5e-7b00-7000-8000-000000000001")
OK = WireReply(timings=Timings(total_us=5), status=200)


@dataclass
class FixedTransport:
    reply: WireReply
    requests: list[WireRequest] = field(default_factory=list)

    async def send(self, request: WireRequest) -> WireReply:
        self.requests.append(request)
        return self.reply

    async def close(self) -> None: ...


def key() -> SigningKey:
    return SigningKey(scheme=SignatureScheme.V1, secret=new_secret())


def delivery(**fields: object) -> LoadedDelivery:
    plain = LoadedDelivery(
        tenant=Tenant(UUID(int=1), Environment.TEST),
        delivery_id=UUID(int=2),
        event_id=EVENT,
        endpoint_id=UUID(int=3),
        endpoint_version=1,
        url="https://shop.example.com/hook?token=planted-secret",
        signing_keys=(key(),),
        body=b'{"type":"order.shipped","data":{}}',
        round=0,
        step=2,
        cause=Cause.RETRY,
    )
    return replace(plain, **fields)


async def send(reply: WireReply, loaded: LoadedDelivery, now: datetime | None = None):  # noqa: ANN201 - a helper
    transport = FixedTransport(reply)
    clock = FakeClock(now) if now else FakeClock()
    return await Sender(transport, clock, SendPolicy()).send(loaded), transport.requests[0]


async def test_a_request_is_signed_and_says_what_it_is() -> None:
    """The webhook headers are there, verified by the official library; the body is the stored one."""
    loaded = delivery(signing_keys=(key(), key()))
    now = datetime.now().astimezone()
    _, request = await send(OK, loaded, now)
    headers = dict(request.headers)
    assert headers["webhook-id"].startswith("evt_test_")
    assert headers["content-type"] == "application/json"
    assert headers["threadneedle-attempt"] == "3"
    assert headers["threadneedle-cause"] == "retry"
    assert "threadneedle-replay" not in headers
    assert request.body is loaded.body
    for each in loaded.signing_keys:
        assert Webhook(each.secret.reveal()).verify(request.body, headers)


async def test_a_replay_says_so() -> None:
    """Its round stands in a header, and the webhook-id is the same as ever."""
    _, first = await send(OK, delivery())
    _, again = await send(OK, delivery(round=2, step=0, cause=Cause.REPLAY))
    assert dict(again.headers)["threadneedle-replay"] == "2"
    assert dict(again.headers)["webhook-id"] == dict(first.headers)["webhook-id"]


async def test_a_numbered_delivery_says_its_number() -> None:
    """The endpoint's own count goes along; a delivery without one is sent without."""
    _, numbered = await send(OK, delivery(sequence=7))
    _, plain = await send(OK, delivery())
    assert dict(numbered.headers)["webhook-sequence"] == "7"
    assert "webhook-sequence" not in dict(plain.headers)


async def test_what_the_transport_learns_and_needs_is_passed_on() -> None:
    """The endpoint's certificate reaches the transport, and the end of the receiver's comes back."""
    ends, certificate = datetime(2027, 1, 1, tzinfo=UTC), Secret("planted-secret")
    result, request = await send(replace(OK, certificate_expires_at=ends), delivery(client_certificate=certificate))
    assert request.client_certificate is certificate
    assert result.certificate_expires_at == ends
    assert b"planted-secret" not in result.exchange


@pytest.mark.parametrize(
    "keys", [(), (SigningKey(scheme=SignatureScheme.V1, secret=Secret("planted-secret")),)], ids=["none", "bad"]
)
async def test_nothing_leaves_unsigned(keys: tuple[SigningKey, ...]) -> None:
    """Keys that cannot sign are a failure of ours, which costs the delivery no step; nothing is sent."""
    transport = FixedTransport(OK)
    result = await Sender(transport, FakeClock(), SendPolicy()).send(delivery(signing_keys=keys))
    assert not transport.requests
    assert (result.status_code, result.error_class, result.verdict.is_free) == (None, ErrorClass.INTERNAL, True)
    assert b"planted-secret" not in result.exchange


async def test_an_endpoints_headers_cannot_replace_ours() -> None:
    """Reserved names are dropped in whatever case; others go along."""
    own = {"Webhook-Id": "x", "HOST": "x", "Content-Length": "1", "authorization": "Bearer planted-secret"}
    _, request = await send(OK, delivery(headers=own))
    names = [name for name, _ in request.headers]
    assert names.count("webhook-id") == 1
    assert "HOST" not in names
    assert ("authorization", "Bearer planted-secret") in request.headers


async def test_a_test_says_that_it_is_one() -> None:
    """In a header that no other message has."""
    for is_test in (True, False):
        _, request = await send(OK, delivery(is_test=is_test))
        assert (("threadneedle-test", "true") in request.headers) is is_test


async def test_a_success_can_be_the_last() -> None:
    """A 2xx that asks for an end is delivered, and ends what would come after it."""
    for word, is_last in (("disable", True), ("abort-message", False)):
        reply = WireReply(timings=Timings(total_us=9), status=200, headers=(("Webhook-Delivery", word),))
        result, _ = await send(reply, delivery())
        assert (result.verdict.decision, result.verdict.is_last) == (Decision.DELIVERED, is_last)


async def test_what_is_kept_has_no_secrets() -> None:
    """Own headers' values, signatures and the query are masked; the answer is kept."""
    loaded = delivery(headers={"Authorization": "Bearer planted-secret"})
    reply = WireReply(timings=Timings(total_us=9), status=500, headers=(("X-A", "b"),), body=b"\xff oops")
    result, request = await send(reply, loaded)
    kept = Exchange.from_bytes(result.exchange)
    assert b"planted-secret" not in result.exchange
    assert dict(request.headers)["webhook-signature"].encode() not in result.exchange
    assert loaded.signing_keys[0].secret.reveal().encode() not in result.exchange
    assert kept.url == "https://shop.example.com/hook?••••"
    assert dict(kept.request_headers)["Authorization"] == "••••"
    assert dict(kept.request_headers)["webhook-id"].startswith("evt_test_")
    assert (kept.response_headers, kept.response_body) == ((("X-A", "b"),), b"\xff oops")


async def test_replies_become_results() -> None:
    """A status decides; without one the error class does; a body's fate is only noted."""
    delivered, _ = await send(replace(OK, body_state=BodyState.LATE), delivery())
    assert (delivered.verdict.decision, delivered.status_code, delivered.error_class) == (Decision.DELIVERED, 200, None)
    assert "in time" in Exchange.from_bytes(delivered.exchange).note
    failed, _ = await send(replace(OK, status=404), delivery())
    assert (failed.verdict.decision, failed.error_class) == (Decision.RETRY, ErrorClass.STATUS)
    lost = WireReply(timings=Timings(total_us=1), error=ErrorClass.RESET, detail="the connection was lost")
    reset, _ = await send(lost, delivery())
    assert (reset.status_code, reset.error_class, reset.verdict.decision) == (None, ErrorClass.RESET, Decision.RETRY)
    gone, _ = await send(replace(OK, status=410), delivery())
    assert gone.verdict.decision is Decision.DISABLE


@pytest.mark.parametrize("name", ["webhook-id", "Webhook-Anything", "Content-Type", "HOST", "threadneedle-x", "TE"])
def test_reserved_names(name: str) -> None:
    """What identifies, signs or frames a message is not the endpoint's to set."""
    assert is_reserved(name)
    assert not is_reserved("x-" + name)
