"""What the service says about itself: health and what it counts."""

from typing import Any, Protocol

from gateway.health import Health
from gateway.http.call import Call, Reply


class HealthServices(Protocol):
    """What the health handlers use."""

    @property
    def health(self) -> Health:
        """This process."""
        ...


async def livez(services: Any, call: Call) -> Reply:  # noqa: ARG001 - answering is the answer
    """This process runs."""
    return Reply({"status": "alive"})


async def readyz(services: HealthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """This process may be sent requests."""
    ready, checks = await services.health.ready()
    return Reply({"status": "ready" if ready else "not_ready", "checks": checks}, 200 if ready else 503)


async def metrics(services: HealthServices, call: Call) -> Reply:  # noqa: ARG001 - the same for everybody
    """What this process counts, for Prometheus."""
    return Reply(services.health.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
