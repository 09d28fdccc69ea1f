"""Erasure on the wire."""

from datetime import datetime
from typing import Literal

from gateway.schemas.types import Response


class EventErased(Response):
    """An event without its data. `deliveries_ended` were still to be sent, and are dead now."""

    id: str
    object: Literal["event"]
    erased_at: datetime
    deliveries_ended: int
