import pytest

from kernel.sealing import Vault
from tests.support.audit import AuditLog, Pool
from tests.support.clock import FakeClock


@pytest.fixture
async def log(database: Pool, vault: Vault, clock: FakeClock) -> AuditLog:
    """An empty log."""
    return AuditLog(pool=database, vault=vault, clock=clock)
