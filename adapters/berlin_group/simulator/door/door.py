"""The bank's door: every request of the interface passes it, and every answer leaves by it."""

from uuid import UUID, uuid4

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters.berlin_group.simulator.door.answers import signed
from adapters.berlin_group.simulator.door.certificates import Pair, Trust
from adapters.berlin_group.simulator.door.checks import RequestIds, check_connection, check_signature
from adapters.berlin_group.simulator.habits import Habits
from adapters.berlin_group.simulator.messages import Refused, error


def door(habits: Habits, trusted: Trust) -> Middleware:
    """A middleware. The bench's paths begin with `/_`, the payers' pages with `/sca`: neither is the interface."""
    ids = RequestIds()

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/v1/"):
            return await handler(request)
        try:
            ids.check(request)
            check_connection(request)
            if habits.wants_signatures:
                check_signature(request, await request.read(), trusted.authority.certificate)
            response = await handler(request)
        except Refused as refused:
            response = refused.answer().response()
        except web.HTTPMethodNotAllowed:
            response = error(405, "SERVICE_INVALID").response()
        except web.HTTPNotFound:
            response = error(404, "RESOURCE_UNKNOWN").response()
        return _leaving(request, response, trusted.bank if habits.signs_answers else None)

    return serve


def _leaving(request: web.Request, response: web.StreamResponse, signer: Pair | None) -> web.StreamResponse:
    if response.prepared or not isinstance(response, web.Response):
        return response
    response.headers["X-Request-ID"] = _request_id(request)
    if signer is not None:
        response.headers.update(signed(response, signer))
    return response


def _request_id(request: web.Request) -> str:
    """The client's, where it is one; an answer's always is."""
    told = request.headers.get("X-Request-ID", "")
    try:
        return str(UUID(told)) and told
    except ValueError:
        return str(uuid4())
