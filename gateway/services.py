"""What the public API works with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.handlers.prefer import WaitPolicy
from gateway.health import Health
from gateway.http.address import Network
from gateway.limits.gate import Gate
from gateway.oauth.keys import KeyRing
from gateway.oauth.server import TokenPolicy, TokenServer
from gateway.oauth.verifier import Verifier
from payments.inbox.accept import Inbox
from payments.service import Payments
from webhooks.endpoints.secrets import EndpointSecrets
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.testing import EndpointTester
from webhooks.events.publisher import Publisher
from webhooks.reading.deliveries import Deliveries
from webhooks.reading.feed import Feed
from webhooks.replays.retrying import Retrier
from webhooks.replays.service import Replays


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built by the composition root; `proxies` are the networks of our own proxies in front."""

    verifier: Verifier
    tokens: TokenServer
    token_policy: TokenPolicy
    keys: KeyRing
    gate: Gate
    health: Health
    publisher: Publisher
    feed: Feed
    deliveries: Deliveries
    endpoints: Endpoints
    endpoint_secrets: EndpointSecrets
    endpoint_tester: EndpointTester
    replays: Replays
    retrier: Retrier
    payments: Payments
    inbox: Inbox
    proxies: Sequence[Network] = ()
    wait: WaitPolicy = field(default_factory=WaitPolicy)
