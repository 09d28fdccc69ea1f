"""What the public API works with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client import Counter

from accounts.service import Accounts
from gateway.handlers.prefer import WaitPolicy
from gateway.health import Health
from gateway.http.edge import Log
from gateway.http.peer.address import Network
from gateway.http.peer.certificates import CallerCertificates
from gateway.limits.gate import Gate
from gateway.oauth.access.verifier import Verifier
from gateway.oauth.clients.methods import MethodPolicy
from gateway.oauth.signing.ring import KeyRing
from gateway.oauth.tokens.inspection import TokenInspection
from gateway.oauth.tokens.policy import TokenPolicy
from gateway.oauth.tokens.server import TokenServer
from gateway.overload.load import Load
from gateway.reach import MerchantReach
from payments.inbox.accept import Inbox
from payments.service import Payments
from webhooks.catalogue.service import EventTypes
from webhooks.endpoints.keys.published import PublishedKeys
from webhooks.endpoints.keys.service import EndpointSecrets
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.trying.challenge import Challenges
from webhooks.endpoints.trying.hearing import HearingTrials
from webhooks.endpoints.trying.tester import EndpointTester
from webhooks.erasure.events import EventErasure
from webhooks.events.publisher import Publisher
from webhooks.manifests.book import ManifestBook
from webhooks.reading.attempts import Attempts
from webhooks.reading.deliveries import Deliveries
from webhooks.reading.feed import Feed
from webhooks.reading.gaps import Gaps
from webhooks.reading.undelivered.summary import UndeliveredSummary
from webhooks.reading.undelivered.view import UndeliveredView
from webhooks.replays.retrying import Retrier
from webhooks.replays.service import Replays


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built by the composition root; `proxies` are the networks of our own proxies in front.

    A request has `request_seconds_max` in all, what it waits for a bank included. `log` takes the lines of answers;
    without it they go where all lines go. `methods` are how clients may authenticate, `certificates` where a caller's
    TLS certificate is found. `payer_returns` is gateway.callbacks.counting.returns_counter.
    """

    verifier: Verifier
    tokens: TokenServer
    inspection: TokenInspection
    token_policy: TokenPolicy
    keys: KeyRing
    gate: Gate
    health: Health
    publisher: Publisher
    event_types: EventTypes
    feed: Feed
    deliveries: Deliveries
    attempts: Attempts
    undelivered: UndeliveredView
    undelivered_summary: UndeliveredSummary
    gaps: Gaps
    manifests: ManifestBook
    endpoints: Endpoints
    endpoint_secrets: EndpointSecrets
    endpoint_tester: EndpointTester
    published_keys: PublishedKeys
    challenges: Challenges
    hearing_trials: HearingTrials
    replays: Replays
    retrier: Retrier
    event_erasure: EventErasure
    reach: MerchantReach
    payments: Payments
    accounts: Accounts
    inbox: Inbox
    payer_returns: Counter
    proxies: Sequence[Network] = ()
    methods: MethodPolicy = field(default_factory=MethodPolicy)
    certificates: CallerCertificates = field(default_factory=CallerCertificates)
    wait: WaitPolicy = field(default_factory=WaitPolicy)
    load: Load = field(default_factory=Load)
    request_seconds_max: float = 60
    log: Log | None = None
