"""How long a caller will wait: the header Request-Timeout, in seconds. What is over by then is not begun."""

import re

from aiohttp import web
from multidict import istr

from kernel import deadline
from kernel.errors import FieldError, Invalid

_HEADER = istr("Request-Timeout")
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")


def heed(request: web.Request) -> None:
    """Shorten the request's deadline to what its caller says. Raises Invalid for what is no number of seconds."""
    lines = request.headers.getall(_HEADER, ())
    if not lines:
        return
    sent = ",".join(lines)  # several are no number (RFC 9110 §5.3)
    if _SECONDS.fullmatch(sent) is None or float(sent) == 0:
        message = "Expected seconds, e.g. 2.5: how long you will wait for the answer."
        raise Invalid([FieldError(pointer=f"/headers/{_HEADER}", code="format", message=message)])
    deadline.shorten(float(sent))
