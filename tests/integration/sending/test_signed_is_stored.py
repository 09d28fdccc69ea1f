"""From the database to a receiver: the bytes that were stored are the bytes that are signed and sent."""

from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg
import pytest
from standardwebhooks import Webhook

from kernel.clock import CorrectedClock
from kernel.ids import Environment, id_beside, new_id
from kernel.sealing import Vault
from tests.support.raw_server import Exchange, serving
from tests.support.tenants import add_tenant
from webhooks.events.matching import Matcher
from webhooks.events.model import NewEvent, body_context
from webhooks.events.writer import EventWriter
from webhooks.sending.destination import AllowList
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.model import Cause, Decision, LoadedDelivery, SigningKey
from webhooks.sending.sender import Sender, SendPolicy
from webhooks.sending.signing import new_ed25519_secret, new_secret
from webhooks.sending.transport import TransportPolicy
from webhooks.states import SignatureScheme

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
ODD_DATA = [
    {"text": "é € 😀 \u2028 </script> \\u0000 \\", "empty": {}, "list": [1, -0.0, 1e300, True, None]},
    {"b": 1, "a": {"d": 2, "c": 3}},
    {},
]


@pytest.mark.parametrize("data", ODD_DATA)
async def test_a_receiver_verifies_the_stored_bytes(database: Pool, vault: Vault, data: dict[str, object]) -> None:
    """What arrives is byte for byte what was sealed at the commit, and the official library accepts it."""
    tenant = await add_tenant(database, Environment.TEST)
    now = datetime.now(UTC)
    event = NewEvent(tenant=tenant, id=new_id(now), type="order.shipped", merchant_id=None, occurred_at=now, data=data)
    async with database.acquire() as connection, connection.transaction():
        await EventWriter(vault, Matcher(vault)).write(connection, [event])
    sealed = await database.fetchval("SELECT sealed_body FROM events WHERE id = $1", event.id)
    stored = await vault.open(tenant.partner_id, sealed, body_context(event.id))
    received: list[bytes] = []

    async def receiver(exchange: Exchange) -> None:
        received.append(await exchange.read_request())
        await exchange.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    transport = LeanTransport(TransportPolicy(), AllowList.parse(["127.0.0.1"]))
    async with serving(receiver) as server:
        delivery = LoadedDelivery(
            tenant=tenant,
            delivery_id=id_beside(event.id),
            event_id=event.id,
            endpoint_id=new_id(now),
            endpoint_version=1,
            url=server.url(),
            signing_keys=(
                SigningKey(scheme=SignatureScheme.V1A, secret=new_ed25519_secret()),
                SigningKey(scheme=SignatureScheme.V1, secret=new_secret()),
                SigningKey(scheme=SignatureScheme.V1, secret=new_secret()),
            ),
            body=stored,
            round=0,
            step=0,
            cause=Cause.FIRST,
        )
        result = await Sender(transport, CorrectedClock(), SendPolicy()).send(delivery)
    await transport.close()
    assert result.verdict.decision is Decision.DELIVERED
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert body == stored
    headers = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
    headers |= {"webhook-signature": head.decode().split("webhook-signature: ")[1].split("\r\n")[0]}
    for key in delivery.signing_keys[1:]:
        assert Webhook(key.secret.reveal()).verify(body, headers)["data"] == data
