"""What the generator is told."""

from pydantic import BaseModel


class Order(BaseModel):
    """What to send.

    `items` are JSON texts taken in turn, in which `@@` becomes a number that never comes again and `##` the monotonic
    nanoseconds of the sending; `batch` of them go together as `{"data": […]}`. Without `rate` (events a second) every
    connection sends its next request when the last one was answered. `once` is a header whose value is another one for
    every request. Where there are `tokens`, connections carry them in turn as bearer tokens.
    """

    url: str
    headers: dict[str, str]
    items: list[str]
    connections: int
    seconds: float
    batch: int = 0
    rate: float = 0.0
    once: str = ""
    tokens: list[str] = []
