"""The dispatcher's role: claim, load, send, record, finish."""

from config.logging import Lines
from config.sections.webhooks import WebhookSettings
from kernel.batcher import BatchWriter
from threadneedle.roles import policies
from threadneedle.roles.foundation import Foundation, open_foundation, running, settle_memory, stop_signal
from threadneedle.roles.watch import watched
from webhooks.dispatch.attempting import Attempter
from webhooks.dispatch.dispatcher import Dispatcher, Stages
from webhooks.dispatch.ending import Recorder
from webhooks.dispatch.loading import Loader
from webhooks.dispatch.metrics import AttemptNotes, DispatchMetrics
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.recording import Recorded, RecordWork
from webhooks.sending.aiohttp_transport import AiohttpTransport
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.sender import Sender
from webhooks.sending.transport import Transport


async def run() -> None:
    """Dispatch until SIGTERM; then finish what is in flight."""
    async with open_foundation("dispatcher") as foundation:
        webhooks = foundation.settings.webhooks
        transport = _transport(webhooks)
        results = BatchWriter(
            foundation.resources.hot_pool,
            RecordWork(
                foundation.events,
                foundation.enqueuer,
                foundation.queue,
                foundation.clock,
                policies.health_policy(foundation.settings.health),
            ),
            policies.results_policy(foundation.settings.batches),
            foundation.batch_metrics,
        )
        lines = Lines(foundation.settings.logging, foundation.clock)
        dispatcher = _build(foundation, transport, results, lines)
        port = foundation.settings.watch.dispatcher_port
        settle_memory()
        async with running(lambda: stop_signal(dispatcher.stop)), watched(foundation, "dispatcher", port):
            await dispatcher.run()
        await transport.close()
        lines.flush()


def _transport(settings: WebhookSettings) -> Transport:
    policy, allowed = policies.transport_policy(settings), policies.allow_list(settings)
    if settings.transport == "aiohttp":
        return AiohttpTransport(policy, allowed)
    return LeanTransport(policy, allowed, proxy=policies.egress_proxy(settings))


def _build(
    foundation: Foundation, transport: Transport, results: BatchWriter[Outcome, Recorded], lines: Lines
) -> Dispatcher:
    settings, clock = foundation.settings.webhooks, foundation.clock
    policy = policies.dispatch_policy(settings)
    metrics = DispatchMetrics.registered(foundation.registry)
    sender = Sender(transport, clock, policies.send_policy(settings))
    stages = Stages(
        queue=foundation.queue,
        loader=Loader(foundation.resources.hot_pool, foundation.vault, clock, policy),
        attempter=Attempter(sender, foundation.vault, clock, policy, AttemptNotes(metrics, lines)),
        recorder=Recorder(results, clock, policy.commit_seconds),
    )
    return Dispatcher(stages, policy, metrics, policies.queue_policy(settings))
