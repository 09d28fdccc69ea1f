"""A secret that is revoked at once signs nothing after its revocation was answered."""

from dataclasses import replace
from datetime import timedelta

from tests.support.webhooks import FAST, TENANT, World
from webhooks.dispatch.attempting import Attempter
from webhooks.dispatch.loading import Loader
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.model import Caller
from webhooks.endpoints.requests import EndpointRules, Rotation
from webhooks.endpoints.telling import EventTeller
from webhooks.queue.port import Claim, Job
from webhooks.states import SignatureScheme

POLICY = replace(FAST, signing_seconds=0.2)
CALLER = Caller(tenant=TENANT, actor="test", request_id="r")


async def test_a_revoked_secret_signs_nothing_after_the_answer(world: World) -> None:
    """What was read before the revocation is not signed once that is answered; read again, it has the new key alone."""
    endpoint_id = await world.endpoint()
    await world.publish(offer=False)
    [job] = await world.pool.fetch("SELECT partner_id, endpoint_id, id AS delivery_id, round, step FROM deliveries")
    claim = Claim(job=Job(**job), fence=1)
    loader = Loader(world.pool, world.vault, world.clock, POLICY)
    attempter = Attempter(world.sender, world.vault, world.clock, POLICY, world.notes)
    [before] = (await loader.load([claim])).sendable
    await _secrets(world).rotate(CALLER, endpoint_id, Rotation(scheme=SignatureScheme.V1, overlap=timedelta(0)))
    assert await attempter.attempt(before) is None
    [after] = (await loader.load([claim])).sendable
    outcome = await attempter.attempt(after)
    assert outcome is not None
    old, new = before.delivery.signing_keys, after.delivery.signing_keys
    assert len(old) == len(new) == 1
    assert old[0].secret.reveal() != new[0].secret.reveal()
    assert [sent.signing_keys for sent in world.sender.sent] == [new]


def _secrets(world: World) -> EndpointSecrets:
    rules = EndpointRules(signing_seconds=POLICY.signing_seconds)
    return EndpointSecrets(world.pool, world.vault, world.clock, rules, EventTeller(world.writer, world.enqueuer))
