"""What receivers verify with: the libraries of Standard Webhooks and an Ed25519 of their own, around a rotation."""

import asyncio
import shutil
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from kernel.ids import Tenant, new_id
from kernel.sealing import Vault
from tests.support.tenants import caller
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.keys.store import fetch_live, open_signing
from webhooks.endpoints.requests import Rotation
from webhooks.events.model import NewEvent, body_of
from webhooks.sending.signing import signature_header
from webhooks.states import SignatureScheme

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
BODIES: Mapping[str, dict[str, Any]] = {
    "unicode": {"name": 'Zoë Ωmega 書店 👩‍🚀 \u2028 \x7f "quoted" \\ e\u0301', "emoji 🎉": ["é", ""]},
    "empty": {},
    "large": {"lines": ["x" * 1_000] * 350},
}
NPM_VERSION = "1.0.0"
_SCRIPT = """
const { Webhook } = require("standardwebhooks");
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verified = cases.map(({ secret, body, headers }) => {
  try { return JSON.stringify(new Webhook(secret).verify(body, headers).data); } catch (error) { return error.name; }
});
process.stdout.write(JSON.stringify(verified));
"""


class Receiver:
    """A merchant that knows what it was shown: v1 secrets by word of mouth, v1a keys from the published set."""

    def __init__(self, pool: Pool, vault: Vault, tenant: Tenant, endpoint_id: UUID) -> None:
        self._pool, self._vault, self._tenant, self._endpoint_id = pool, vault, tenant, endpoint_id

    async def message(self, data: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """An event as it is sent now, with the keys that are live now."""
        now = datetime.now(UTC)
        event = NewEvent(tenant=self._tenant, id=new_id(now), type="a.b", merchant_id=None, occurred_at=now, data=data)
        async with self._pool.acquire() as connection:
            live = await fetch_live(connection, self._tenant.partner_id, self._endpoint_id)
        keys = await open_signing(self._vault, self._tenant.partner_id, live)
        body, timestamp = body_of(event), int(now.timestamp())
        return body, {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature_header(keys, "evt_1", timestamp, body),
        }

    async def public_keys(self) -> list[Ed25519PublicKey]:
        found = await PublishedKeys(self._pool).key_set(self._tenant, self._endpoint_id)
        return [Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "=")) for key in found["keys"]]


@pytest.fixture
def receiver(database: Pool, vault: Vault, tenant: Tenant, endpoint_id: UUID) -> Receiver:
    """The merchant."""
    return Receiver(database, vault, tenant, endpoint_id)


def verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Whether the official Python library takes it, and reads out of it what was published."""
    try:
        return bool(Webhook(secret).verify(body, headers) == orjson.loads(body))
    except WebhookVerificationError:
        return False


def is_signed_by(key: Ed25519PublicKey, body: bytes, headers: dict[str, str]) -> bool:
    """Whether one of the v1a signatures is the key's."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return any(_verifies(key, part, signed) for part in headers["webhook-signature"].split(" ") if part[:4] == "v1a,")


def _verifies(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        key.verify(b64decode(signature.removeprefix("v1a,")), signed)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES)
async def test_v1_around_a_rotation(
    receiver: Receiver, secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID, data: dict[str, Any]
) -> None:
    """Before it the old secret verifies, during the overlap both, after it the new one alone."""
    old = (await secrets.reveal(caller(tenant), endpoint_id))[0].secret
    before = await receiver.message(data)
    new = (await secrets.rotate(caller(tenant), endpoint_id, Rotation()))[0].secret
    during = await receiver.message(data)
    await secrets.rotate(caller(tenant), endpoint_id, Rotation(is_oldest_dropped=True, overlap=timedelta(days=1)))
    after = await receiver.message(data)
    assert old is not None
    assert new is not None
    assert [verifies(old.reveal(), *message) for message in (before, during, after)] == [True, True, False]
    assert [verifies(new.reveal(), *message) for message in (before, during, after)] == [False, True, True]


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES)
async def test_v1a_around_a_rotation(
    receiver: Receiver, secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID, data: dict[str, Any]
) -> None:
    """The published keys are those that verify, at every moment."""
    (old,) = await receiver.public_keys()
    before = await receiver.message(data)
    await secrets.rotate(caller(tenant), endpoint_id, Rotation(scheme=SignatureScheme.V1A))
    during, published = await receiver.message(data), await receiver.public_keys()
    await secrets.rotate(
        caller(tenant),
        endpoint_id,
        Rotation(scheme=SignatureScheme.V1A, is_oldest_dropped=True, overlap=timedelta(0)),
    )
    after, (last,) = await receiver.message(data), await receiver.public_keys()
    assert [is_signed_by(old, *message) for message in (before, during, after)] == [True, True, False]
    assert [is_signed_by(key, *during) for key in published] == [True, True]
    assert [is_signed_by(last, *message) for message in (before, during, after)] == [False, False, True]


async def test_a_changed_byte_is_seen(
    receiver: Receiver, secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID
) -> None:
    """In the body, the id or the time; by both schemes."""
    secret = (await secrets.reveal(caller(tenant), endpoint_id))[0].secret
    assert secret is not None
    (key,) = await receiver.public_keys()
    body, headers = await receiver.message({"a": 1})
    earlier = str(int(headers["webhook-timestamp"]) - 1)
    changed = (
        (body.replace(b"1}", b"2}"), headers),
        (body, {**headers, "webhook-id": "evt_2"}),
        (body, {**headers, "webhook-timestamp": earlier}),
    )
    assert not any(verifies(secret.reveal(), *message) for message in changed)
    assert not any(is_signed_by(key, *message) for message in changed)


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_the_library_for_node_verifies_us(
    receiver: Receiver, secrets: EndpointSecrets, tenant: Tenant, endpoint_id: UUID, tmp_path: Path
) -> None:
    """`standardwebhooks` from npm, on the same bodies, before, during and after a rotation."""
    await _install(tmp_path)
    old = (await secrets.reveal(caller(tenant), endpoint_id))[0].secret
    messages = [await receiver.message(data) for data in BODIES.values()]
    new = (await secrets.rotate(caller(tenant), endpoint_id, Rotation()))[0].secret
    messages += [await receiver.message(data) for data in BODIES.values()]
    await secrets.rotate(caller(tenant), endpoint_id, Rotation(is_oldest_dropped=True))
    messages += [await receiver.message(data) for data in BODIES.values()]
    assert old is not None
    assert new is not None
    cases = [
        {"secret": secret.reveal(), "body": body.decode(), "headers": headers}
        for secret in (old, new)
        for body, headers in messages
    ]
    verified = orjson.loads(await _run(tmp_path, "node", "-e", _SCRIPT, given=orjson.dumps(cases)))
    good = [orjson.loads(body)["data"] for body, _ in messages[:6]]
    assert [orjson.loads(text) for text in verified[:6]] == good
    assert verified[6:12] == ["WebhookVerificationError"] * 6
    assert [orjson.loads(text) for text in verified[12:]] == good


async def _install(folder: Path) -> None:
    """Skips the test where there is no Node, or no registry to install from."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    try:
        async with asyncio.timeout(90):
            wanted = f"standardwebhooks@{NPM_VERSION}"
            await _run(folder, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", wanted)
    except (AssertionError, TimeoutError):
        pytest.skip("npm could not install standardwebhooks")


async def _run(folder: Path, *command: str, given: bytes = b"") -> bytes:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)
    output, errors = await process.communicate(given)
    assert process.returncode == 0, errors.decode()
    return output
