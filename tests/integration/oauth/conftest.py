"""Both ports with every method of authentication on, and an authority that issues clients' certificates."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from gateway.app import build_app
from gateway.health import Health
from gateway.http.peer.certificates import CallerCertificates
from gateway.http.peer.tls import server_context, trust
from gateway.http.server import build_runner
from gateway.oauth.access.sender import Senders
from gateway.oauth.access.verifier import Verifier
from gateway.oauth.authentication.certificates import Authorities
from gateway.oauth.clients.anchors import CertificateAnchors
from kernel.sealing import Vault
from tests.integration.gateway.conftest import roomy_limits
from tests.support.clock import FakeClock
from tests.support.edge import TOKENS, Edge, running_edge
from tests.support.oauth import Holder, holder
from tests.support.outside_clients import install


@pytest.fixture(scope="session")
def authority() -> Holder:
    """Whose certificates are believed."""
    return holder("Example Authority", is_ca=True)


@pytest.fixture
async def edge(
    database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str, authority: Holder
) -> AsyncIterator[Edge]:
    """The edge with limits that no test reaches by chance."""
    authorities = Authorities.parse(authority.pem)
    async with running_edge(database, vault, clock, redis_url, roomy_limits(), authorities=authorities) as running:
        yield running


@pytest.fixture
async def another(
    edge: Edge, database: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: FakeClock, redis_url: str
) -> AsyncIterator[Edge]:
    """A second gateway on the same stores, as another process would be."""
    assert edge
    async with running_edge(database, vault, clock, redis_url) as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPort:
    """The public port once more, with TLS of its own; whoever connects is no proxy."""

    port: int
    ca: str
    anchors: CertificateAnchors

    @property
    def server(self) -> dict[str, object]:
        """As the outside clients are told of it."""
        return {"issuer": TOKENS.issuer, "port": self.port, "ca": self.ca}


@pytest.fixture
async def tls_port(
    edge: Edge,
    database: "asyncpg.Pool[asyncpg.Record]",
    vault: Vault,
    authority: Holder,
    tmp_path: Path,
) -> AsyncIterator[TlsPort]:
    """See the class."""
    own = holder("gateway.example.com", issuer=authority, dns="gateway.example.com")
    for name, content in (("own.pem", own.pem), ("key.pem", own.key_pem), ("ca.pem", authority.pem)):
        (tmp_path / name).write_bytes(content)
    context = server_context(*(str(tmp_path / name) for name in ("own.pem", "key.pem", "ca.pem")))
    anchors = CertificateAnchors(database, vault, partial(trust, context))
    await anchors.start()
    health = Health(database, edge.services.gate, CollectorRegistry())
    certificates = CallerCertificates()
    checks = replace(edge.oauth.checks, senders=Senders(TOKENS.audience, certificates))
    verifier = Verifier(checks, edge.clock)
    services = replace(edge.services, health=health, proxies=(), certificates=certificates, verifier=verifier)
    runner = build_runner(build_app(services), shutdown_timeout_seconds=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield TlsPort(port=runner.addresses[0][1], ca=authority.pem.decode(), anchors=anchors)
    await runner.cleanup()
    await anchors.close()


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the outside clients."""
    return install(tmp_path_factory.mktemp("judges"))
