import asyncio
from typing import Any

import asyncpg
from structlog.testing import capture_logs

from gateway.admin.routes import ADMIN_ROUTES
from gateway.http.route import Access
from gateway.routes import PUBLIC_ROUTES
from gateway.schemas.pages import Page
from gateway.schemas.payments import BankOut, PaymentOut, TimelineOut
from gateway.schemas.webhooks.deliveries import DeliveryOut
from gateway.schemas.webhooks.endpoints.bodies import EndpointChanged, EndpointCreated
from gateway.schemas.webhooks.endpoints.keys import SecretsOut
from gateway.schemas.webhooks.events import BatchOut, EventAccepted, FeedOut
from tests.support.edge import Edge, Party

ENDPOINTS = "/v1/webhook-endpoints"


def payment(party: Party, **changes: Any) -> dict[str, Any]:
    return {
        "merchant_id": party.merchant_id,
        "bank_id": "scripted",
        "amount": {"currency": "GBP", "value": 1234},
        "creditor": {"name": "Example Books Ltd", "account": {"iban": "GB82 WEST 1234 5698 7654 32"}},
        "reference": "Invoice 42",
        **changes,
    }


async def pay(edge: Edge, party: Party, key: str = "key-1", **changes: Any) -> Any:
    headers = {"Idempotency-Key": key, **changes.pop("headers", {})}
    return await edge.call("POST", "/v1/payments", token=party.token, headers=headers, json=payment(party, **changes))


async def test_a_payment_is_made_read_listed_and_explained(edge: Edge) -> None:
    """The whole way of a payment over HTTP, each answer as the OpenAPI document shows it."""
    party = await edge.party()
    await edge.add_bank()
    created = await pay(edge, party)
    assert created.status == 201
    PaymentOut.model_validate(created.json)
    assert created.json["creditor"]["account"]["iban"] == "••••5432"
    path = created.headers["Location"]
    assert path == f"/v1/payments/{created.json['id']}"
    assert (await edge.call("GET", path, token=party.token)).json["id"] == created.json["id"]
    listed = (await edge.call("GET", "/v1/payments?limit=1", token=party.token)).json
    Page[PaymentOut].model_validate(listed)
    assert [item["id"] for item in listed["data"]] == [created.json["id"]]
    timeline = await edge.call("GET", f"{path}/timeline", token=party.token)
    TimelineOut.model_validate(timeline.json)
    banks = (await edge.call("GET", "/v1/banks", token=party.token)).json
    Page[BankOut].model_validate(banks)
    assert (await edge.call("GET", "/v1/banks/scripted", token=party.token)).json == banks["data"][0]


async def test_a_repeat_has_the_first_answer_and_another_body_is_refused(edge: Edge) -> None:
    """One Idempotency-Key is one payment: repeats say so, another body is 422."""
    party = await edge.party()
    await edge.add_bank()
    first = await pay(edge, party)
    repeat = await pay(edge, party)
    assert (repeat.status, repeat.json["id"]) == (first.status, first.json["id"])
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = await pay(edge, party, amount={"currency": "GBP", "value": 1235})
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert edge.bank.calls.count("submit") == 1


async def test_who_does_not_want_to_wait_gets_202(edge: Edge) -> None:
    """Prefer: respond-async answers at once with the payment as it is, and says that it did."""
    party = await edge.party()
    await edge.add_bank()
    edge.bank.then(["hang"])
    answer = await pay(edge, party, headers={"Prefer": "respond-async"})
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.json["status"] in {"created", "submitting"}
    edge.bank.gate.set()
    async with asyncio.timeout(5):
        while (await edge.call("GET", answer.headers["Location"], token=party.token)).json["status"] != "accepted":
            pass


async def test_a_payment_is_cancelled_or_refused_to_be(edge: Edge) -> None:
    """Cancelling answers the payment, or 409 where it is too late."""
    party = await edge.party()
    await edge.add_bank()
    path = (await pay(edge, party)).headers["Location"]
    answer = await edge.call("POST", f"{path}/cancel", token=party.token)
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    edge.bank.then(["ok", "reject"])
    path = (await pay(edge, party, key="key-2")).headers["Location"]
    late = await edge.call("POST", f"{path}/cancel", token=party.token)
    assert (late.status, late.code) == (409, "not_cancellable")


async def test_every_wrong_field_of_a_payment_is_named_at_once(edge: Edge) -> None:
    """422 lists all of them with JSON Pointers, and repeats nothing that was sent."""
    party = await edge.party()
    wrong = {
        "amount": {"currency": "XXX", "value": 12.5},
        "creditor": {"name": "", "account": {"iban": "GB00MARKED1234567890"}},
        "reference": "MARKED {} €",
        "end_to_end_id": "MARKED" * 10,
        "execute_at": "MARKED",
        "metadata": {"MARKED key": "x"},
        "MARKED": 1,
    }
    answer = await pay(edge, party, **wrong)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {
        "",
        "/amount/currency",
        "/amount/value",
        "/creditor/name",
        "/creditor/account/iban",
        "/reference",
        "/end_to_end_id",
        "/execute_at",
        "/metadata",
    } == answer.pointers()
    assert b"MARKED" not in answer.raw
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


WRONG_HEADERS = (
    ({"Idempotency-Key": ""}, "/headers/Idempotency-Key"),
    ({"Idempotency-Key": "k" * 256}, "/headers/Idempotency-Key"),
    ({"Idempotency-Key": "ключ"}, "/headers/Idempotency-Key"),
)


async def test_wrong_headers_are_field_errors_too(edge: Edge) -> None:
    """Headers are named in errors as fields are."""
    party = await edge.party()
    for headers, pointer in WRONG_HEADERS:
        answer = await pay(edge, party, headers=headers)
        assert (answer.status, answer.pointers()) == (422, {pointer}), headers


async def test_money_moves_only_with_a_key(edge: Edge) -> None:
    """Without Idempotency-Key a payment is not even looked at."""
    party = await edge.party()
    answer = await edge.call("POST", "/v1/payments", token=party.token, json={})
    assert (answer.status, answer.pointers()) == (422, {"/headers/Idempotency-Key"})


BAD_BODIES = (
    (b"", 422, "validation_failed"),
    (b"null", 400, "malformed_json"),
    (b"[]", 400, "malformed_json"),
    (b'{"a":', 400, "malformed_json"),
    (b'{"a": NaN}', 400, "malformed_json"),
    (b'{"amount": 1, "amount": 2}', 400, "malformed_json"),
    (b'{"a": "\xff"}', 400, "malformed_json"),
    (b'{"a": "\\ud800"}', 400, "malformed_json"),
    (b'{"reference": "a\\u0000b"}', 400, "malformed_json"),
    (b'{"a":' * 500 + b"1" + b"}" * 500, 400, "malformed_json"),
    (b"[" * 40 + b"]" * 40, 400, "malformed_json"),
    (b'{"amount": {"currency": "GBP", "value": 1' + b"0" * 30 + b"}}", 422, "validation_failed"),
    (b'{"amount": {"currency": "GBP", "value": 1' + b"0" * 5000 + b"}}", 400, "malformed_json"),
    (b'{"a": "' + b"x" * 70_000 + b'"}', 413, "body_too_large"),
)


async def test_bodies_that_are_no_good_json(edge: Edge) -> None:
    """Broken, doubled, deep, huge, NUL, no UTF-8: a problem with a stable code, never a 500."""
    party = await edge.party()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for body, status, code in BAD_BODIES:
        answer = await edge.call("POST", "/v1/payments", token=party.token, headers=headers, data=body)
        assert (answer.status, answer.code) == (status, code), body[:60]


async def test_other_media_types_are_refused(edge: Edge) -> None:
    """415 for what is not JSON in UTF-8 as it stands."""
    party = await edge.party()
    json, latin = "application/json", "application/json; charset=latin-1"
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": latin},
        *({"Content-Type": json, "Content-Encoding": coding} for coding in ("gzip", "br", "zstd", "deflate", "x")),
    ):
        answer = await edge.call("POST", "/v1/events", token=party.token, headers=headers, data=b"{}")
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), headers


async def test_what_aiohttp_refuses_is_a_problem_too(edge: Edge) -> None:
    """No route, another method and what is no HTTP at all get the same kind of document."""
    nowhere = await edge.call("GET", "/nowhere")
    assert (nowhere.status, nowhere.code) == (404, "not_found")
    method = await edge.call("DELETE", "/v1/payments")
    assert (method.status, method.code, method.headers["Allow"]) == (405, "method_not_allowed", "GET,HEAD,POST")
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nMARKED header\x00\r\n\r\n")
    raw = await reader.read()
    writer.close()
    assert raw.split(b" ")[1] == b"400"
    assert b"application/problem+json" in raw
    assert b"MARKED" not in raw


async def test_only_100_continue_may_be_expected(edge: Edge) -> None:
    """Any other expectation is 417 without its value, wherever it is sent; 100-continue is kept."""
    for path in ("/livez", "/nowhere"):
        answer = await edge.call("GET", path, headers={"Expect": "MARKED"})
        assert (answer.status, answer.code) == (417, "expectation_failed")
        assert b"MARKED" not in answer.raw
        assert answer.headers["Server"] == "Threadneedle"
    party = await edge.party()
    body = {"type": "a.b", "data": {}}
    answer = await edge.call("POST", "/v1/events", token=party.token, json=body, expect100=True)
    assert answer.status == 201


async def test_head_is_get_without_the_body(edge: Edge) -> None:
    """Monitors that ask with HEAD learn what they would with GET."""
    party = await edge.party()
    for path in ("/livez", "/readyz", "/v1/payments"):
        answer = await edge.call("HEAD", path, token=party.token)
        assert (answer.status, answer.raw) == (200, b""), path


async def test_a_caller_that_hangs_up_is_no_failure_of_ours(edge: Edge) -> None:
    """Half a body and then nothing is told as abandoned, at level info."""
    host, port = edge.url.removeprefix("http://").split(":")
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection(host, int(port))
        head = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
        writer.write(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\nhalf".encode())
        await writer.drain()
        writer.close()
        async with asyncio.timeout(5):
            while not any(line["event"] == "request.answered" for line in logs):  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.005)
    assert next((line["event"], line["log_level"]) for line in logs) == ("request.abandoned", "info")


async def test_events_are_published_once_and_read_from_the_feed(edge: Edge) -> None:
    """An event with the partner's own id is told once, and stands in the feed with its data."""
    party = await edge.party()
    body = {"type": "order.shipped", "id": "order-1", "merchant_id": party.merchant_id, "data": {"n": 1}}
    first = await edge.call("POST", "/v1/events", token=party.token, json=body)
    EventAccepted.model_validate(first.json)
    again = await edge.call("POST", "/v1/events", token=party.token, json=body)
    assert (first.status, again.json["id"], again.json["repeated"]) == (201, first.json["id"], True)
    assert again.headers["Idempotent-Replayed"] == "true"
    feed = (await edge.call("GET", "/v1/events?types=order.*", token=party.token)).json
    FeedOut.model_validate(feed)
    assert [(event["id"], event["data"]) for event in feed["data"]] == [(first.json["id"], {"n": 1})]
    rest = (await edge.call("GET", f"/v1/events?cursor={feed['next_cursor']}", token=party.token)).json
    assert rest["data"] == []


async def test_a_batch_answers_item_by_item(edge: Edge) -> None:
    """Good events are committed whatever their neighbours look like; each bad one has its own problem."""
    party = await edge.party()
    good = {"type": "a.b", "data": {}}
    bad = [17, {}, {"type": "payment.settled", "data": {}}, {**good, "merchant_id": "mer_x"}, {**good, "MARKED": 1}]
    answer = await edge.call("POST", "/v1/events/batch", token=party.token, json={"data": [good, *bad, good]})
    assert answer.status == 200
    BatchOut.model_validate(answer.json)
    assert [item["status"] for item in answer.json["data"]] == ["accepted", *["rejected"] * 5, "accepted"]
    assert all(item["problem"]["errors"] for item in answer.json["data"][1:-1])
    assert b"MARKED" not in answer.raw
    over = await edge.call("POST", "/v1/events/batch", token=party.token, json={"data": [good] * 1001})
    assert (over.status, over.pointers()) == (422, {"/data"})


async def test_an_endpoint_is_made_changed_rotated_tested_and_deleted(edge: Edge) -> None:
    """The life of an endpoint; its secret is shown where it is asked for and nowhere else."""
    party = await edge.party()
    body = {"url": "https://hooks.example.com/in", "event_types": ["order.*"], "secret_headers": {"X-Shop": "MARKED"}}
    made = await edge.call("POST", ENDPOINTS, token=party.token, json=body)
    assert made.status == 201, made.raw
    EndpointCreated.model_validate(made.json)
    assert made.json["secret_header_names"] == ["X-Shop"]
    path = made.headers["Location"]
    secrets = (await edge.call("GET", f"{path}/secret", token=party.token)).json
    SecretsOut.model_validate(secrets)
    assert secrets["data"][0]["secret"] == made.json["secret"]
    rotated = await edge.call("POST", f"{path}/secret/rotate", token=party.token)
    assert [item["secret"] for item in rotated.json["data"]][1:] == [made.json["secret"], None]
    changed = await edge.call("PATCH", path, token=party.token, json={"state": "disabled"})
    EndpointChanged.model_validate(changed.json)
    assert changed.json["state"] == "disabled"
    assert (await edge.call("POST", f"{path}/test", token=party.token)).code == "endpoint_disabled"
    await edge.call("PATCH", path, token=party.token, json={"state": "enabled"})
    sent = await edge.call("POST", f"{path}/test", token=party.token)
    assert sent.status == 202
    found = (await edge.call("GET", f"/v1/deliveries?event_id={sent.json['id']}", token=party.token)).json
    Page[DeliveryOut].model_validate(found)
    delivery = found["data"][0]["id"]
    assert (await edge.call("GET", f"/v1/deliveries/{delivery}", token=party.token)).json["state"] == "pending"
    assert (await edge.call("GET", f"/v1/deliveries/{delivery}/attempts", token=party.token)).json["data"] == []
    assert (await edge.call("DELETE", path, token=party.token)).status == 204
    assert (await edge.call("GET", path, token=party.token)).status == 404
    assert b"MARKED" not in changed.raw


async def test_a_bank_notification_is_kept_and_answered(edge: Edge, database: "asyncpg.Pool[asyncpg.Record]") -> None:
    """2xx means that it is in the inbox; a forged one is refused, an unknown bank is not found."""
    await edge.add_bank()
    path, headers = "/banks/scripted/notifications", {"Signature": "true"}
    answer = await edge.call("POST", path, headers=headers, data=b'{"verdict": "settled"}')
    assert (answer.status, answer.json) == (202, {"received": True})
    named, told = "/banks/scripted/v4.0/event-notifications", headers | {"x-fapi-interaction-id": "14ba1762"}
    again = await edge.call("POST", named, headers=told, data=b'{"verdict": "settled"}')
    assert (again.status, again.headers["x-fapi-interaction-id"]) == (202, "14ba1762")
    assert await database.fetchval("SELECT count(*) FROM bank_notifications WHERE verified") == 1
    forged = await edge.call("POST", path, data=b"{}")
    assert (forged.status, forged.code) == (403, "bad_signature")
    assert forged.json["detail"].endswith("bad_signature")
    assert (await edge.call("POST", "/banks/nobody/notifications", data=b"{}")).status == 404


async def test_health_and_documents(edge: Edge) -> None:
    """Readiness goes down with draining; metrics stand on the admin port only; both ports describe themselves."""
    assert (await edge.call("GET", "/livez")).status == 200
    ready = await edge.call("GET", "/readyz")
    assert (ready.status, ready.json["checks"]["redis"]) == (200, "available")
    assert (await edge.call("GET", "/metrics")).status == 404
    counted = await edge.call("GET", "/metrics", admin=True)
    assert b'gateway_answers_total{method="GET",route="/livez",status="200"} 1.0' in counted.raw
    for admin in (False, True):
        document = (await edge.call("GET", "/openapi.json", admin=admin)).json
        assert document["openapi"] == "3.1.0"
    edge.services.health.drain()
    assert (await edge.call("GET", "/readyz")).status == 503
    assert (await edge.call("GET", "/livez")).status == 200


async def test_every_answer_carries_the_security_headers_and_a_request_id(edge: Edge) -> None:
    """Not cached, not sniffed; a harmless id of the caller is kept, any other is replaced."""
    kept = await edge.call("GET", "/livez", headers={"X-Request-Id": "my-request-1"})
    assert kept.headers["X-Request-Id"] == "my-request-1"
    replaced = await edge.call("GET", "/v1/payments", headers={"X-Request-Id": 'x"; MARKED'})
    assert "MARKED" not in replaced.headers["X-Request-Id"]
    for answer in (kept, replaced):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "Threadneedle"


async def test_no_route_but_the_open_ones_answers_without_credentials(edge: Edge) -> None:
    """Each route of both tables wants its credentials; an admin token opens no public route, nor the reverse."""
    party = await edge.party()
    for routes, admin in ((PUBLIC_ROUTES, False), (ADMIN_ROUTES, True)):
        for route in routes:
            if route.access is Access.OPEN:
                continue
            path = route.path.replace("{", "").replace("}", "")
            wrong = party.token if admin else edge.admin_token
            base = edge.admin_url if admin else edge.url
            for headers in ({}, {"Authorization": f"Bearer {wrong}"}):
                async with edge.session.request(route.method, base + path, headers=headers) as answer:
                    assert answer.status == 401, (route.method, route.path)
