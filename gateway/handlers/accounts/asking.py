"""What calls ask for beside their bodies: where a list goes on, and the payer whom a read says to be present."""

from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from adapters.contract import Payer
from gateway.http.call import Call
from gateway.schemas.payments.parties import IpAddress, UserAgent
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Kind, from_text
from kernel.masked import Masked

_ADDRESS: TypeAdapter[Masked] = TypeAdapter(IpAddress)
_AGENT: TypeAdapter[Masked] = TypeAdapter(UserAgent)
ADDRESS_HEADER, AGENT_HEADER = "X-Payer-Ip-Address", "X-Payer-User-Agent"


def id_cursor(call: Call, kind: Kind) -> UUID | None:
    """The id that a page goes on from. Raises Invalid for what is none."""
    if call.query.cursor is None:
        return None
    try:
        return from_text(kind, call.query.cursor, call.caller.tenant.environment)
    except NotFound:
        message = "Send the next_cursor of the page before, as it is."
        raise Invalid([FieldError(pointer="/cursor", code="cursor_invalid", message=message)]) from None


def payer_of(call: Call) -> Payer | None:
    """The holder who is present at the read, as its headers say; None where nobody is. Raises Invalid."""
    address = _header(call, ADDRESS_HEADER, _ADDRESS)
    agent = _header(call, AGENT_HEADER, _AGENT)
    if address is None and agent is not None:
        message = f"Send {ADDRESS_HEADER} beside it: the address is what says that the payer is present."
        raise Invalid([FieldError(pointer=f"/headers/{ADDRESS_HEADER}", code="required", message=message)])
    return None if address is None else Payer(ip_address=address, user_agent=agent)


def _header(call: Call, name: str, kind: TypeAdapter[Masked]) -> Masked | None:
    sent = call.request.headers.getall(name, [])
    if not sent:
        return None
    try:
        if len(sent) == 1:
            return kind.validate_python(sent[0])
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise Invalid([FieldError(pointer=f"/headers/{name}", code="format", message=message)]) from None
    raise Invalid([FieldError(pointer=f"/headers/{name}", code="format", message="Send the header once.")])
