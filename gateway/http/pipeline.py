"""What a request passes between its route and its handler: one list of stages, the same for every route.

A stage fills the call in or raises; there is no nesting, so a stage costs one await.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION

from gateway.http import bodies
from gateway.http.call import Admin, Call
from gateway.http.edge import Answering
from gateway.http.peer.address import Network, is_within
from gateway.http.replies import WholeResponse, answer
from gateway.http.route import Access, Route, Services
from gateway.limits.gate import Admission
from gateway.limits.policy import LimitClass
from gateway.oauth.access.passed import Passed
from gateway.oauth.scopes import Caller, Scope
from gateway.overload.patience import heed
from gateway.problems.errors import ExceedsLimit, InsufficientScope, Malformed, Unauthenticated
from kernel import deadline
from kernel.errors import FieldError, Forbidden, Invalid

_KEY_LENGTH_MAX = 255
# What a batch holds, and is weighed by.
_WEIGHED = "/data"
_READING = frozenset({"GET", "HEAD"})


class Authenticator(Protocol):
    """From a request with an access token to a partner's caller."""

    async def authenticate(self, request: web.Request) -> Passed:
        """Raises Unauthenticated."""
        ...

    def scope_missing(self, scope: Scope, passed: Passed) -> InsufficientScope:
        """The refusal of a caller whose token does not allow this."""
        ...

    async def spend(self, passed: Passed) -> None:
        """Use up the proof that came with the token. Raises Unauthenticated where it was used before."""
        ...


class AdminAuthenticator(Protocol):
    """From the Authorization header to an admin."""

    async def authenticate(self, authorization: str | None) -> Admin:
        """Raises Unauthenticated."""
        ...


class Acting(Protocol):
    """From a call of an admin to the caller in whose place it is made (gateway/admin/for_partners/acting.py)."""

    async def caller(self, call: Call) -> Caller:
        """Raises NotFound."""
        ...


class Admitter(Protocol):
    """Rate limits (gateway/limits/gate.py). All raise RateLimited."""

    async def admit(self, caller: Caller, limit: LimitClass, cost: int = 1) -> Admission:
        """A client's request."""
        ...

    async def admit_admin(self, name: str) -> Admission:
        """An admin's request."""
        ...

    async def admit_address(self, limit: LimitClass, address: str) -> Admission:
        """A request that is nobody's yet."""
        ...


class Reach(Protocol):
    """What a client that is limited to merchants may ask for (gateway/reach.py)."""

    async def check(self, route: Route[Any], call: Call) -> None:
        """Raises NotFound, Invalid or Forbidden."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Who decides whether a request passes. A surface without partners has no `partners`, one without limits no `gate`.

    `proxies` are the networks of our own proxies in front (gateway.http.peer.address).
    """

    partners: Authenticator | None = None
    admins: AdminAuthenticator | None = None
    acting: Acting | None = None
    gate: Admitter | None = None
    reach: Reach | None = None
    proxies: Sequence[Network] = ()


class Pipeline(Generic[Services]):
    """Binds routes to handlers."""

    def __init__(self, services: Services, guards: Guards) -> None:
        self._services = services
        self._guards = guards

    def bind(self, route: Route[Services]) -> Answering:
        """From a call of the route to its response."""
        stages = self._stages(route)

        async def answering(call: Call) -> WholeResponse:
            call.proxies = self._guards.proxies
            try:
                heed(call.request)
                for stage in stages:
                    await stage(route, call)
                deadline.check()  # what its caller waits for no longer is not begun
                reply = await route.handler(self._services, call)
                headers = {**call.admission.headers, **call.passed.headers, **reply.headers}
                return answer(reply.data, reply.status or route.status, headers)
            finally:
                call.admission.leave()

        return answering

    def _stages(self, route: Route[Services]) -> Sequence[Callable[[Route[Services], Call], Awaitable[None]]]:
        """What the route has use for of this list."""
        is_limited = self._guards.gate is not None and route.limit is not LimitClass.UNLIMITED
        writes = route.method not in _READING  # also without a body: unknown parameters are refused
        has_input = writes or route.query is not None
        is_for_partner = route.acting or route.access is not Access.ADMIN
        stages = (
            (self._authenticate, True),  # who calls; before anything of the request is read
            (self._admit, is_limited and route.weigh is None),  # cheap refusal of too many, before bodies are read
            (self._authorize, True),  # whether the caller may; after the limits, so that this answer tells them too
            (self._act, route.acting),  # for which partner; only once it is known that an admin asks
            (self._read, has_input),  # the body up to the route's cap, the query string, typed
            (
                self._reach,
                self._guards.reach is not None and is_for_partner,
            ),  # what a client limited to merchants names must be theirs
            (self._weigh, is_limited and route.weigh is not None),  # batches cost what they hold, which the body tells
            (self._spend, route.access is Access.PARTNER),  # a DPoP proof is good once; last, for it costs a write
        )
        return [stage for stage, is_needed in stages if is_needed]

    async def _authenticate(self, route: Route[Services], call: Call) -> None:
        try:
            await self._identify(route, call)
        except (Unauthenticated, Forbidden) as refused:
            if refused.problem_code == "use_dpop_nonce":  # its sender has shown both token and key
                raise
            # Guessing is slow, and whoever presents what is known, from the same address or another, never notices.
            await self._take_for_address(LimitClass.REFUSED, call)
            raise

    async def _identify(self, route: Route[Services], call: Call) -> None:
        if route.access is Access.PARTNER and self._guards.partners is not None:
            call.passed = await self._guards.partners.authenticate(call.request)
            call.caller = call.passed.caller
            _check_address(call)
        elif route.access is Access.ADMIN and self._guards.admins is not None:
            call.admin = await self._guards.admins.authenticate(call.request.headers.get(AUTHORIZATION))
        elif route.access is not Access.OPEN:
            raise Unauthenticated

    async def _admit(self, route: Route[Services], call: Call) -> None:
        await self._take(route, call, route.cost)

    async def _authorize(self, route: Route[Services], call: Call) -> None:
        partners = self._guards.partners
        if partners is not None and route.scope is not None and not call.caller.may(route.scope):
            raise partners.scope_missing(route.scope, call.passed)

    async def _act(self, route: Route[Services], call: Call) -> None:  # noqa: ARG002 - a stage like the others
        if self._guards.acting is not None:
            call.caller = await self._guards.acting.caller(call)

    async def _reach(self, route: Route[Services], call: Call) -> None:
        if self._guards.reach is not None:
            await self._guards.reach.check(route, call)

    async def _weigh(self, route: Route[Services], call: Call) -> None:
        if route.weigh is not None:
            try:
                await self._take(route, call, route.weigh(call.body))
            except ExceedsLimit as error:
                raise error.at(_WEIGHED) from None

    async def _spend(self, route: Route[Services], call: Call) -> None:  # noqa: ARG002 - a stage like the others
        if call.passed.proof is not None and self._guards.partners is not None:
            await self._guards.partners.spend(call.passed)

    async def _take(self, route: Route[Services], call: Call, cost: int) -> None:
        gate = self._guards.gate
        if gate is None:
            return
        if route.access is Access.OPEN:
            await self._take_for_address(route.limit, call)
        elif call.admin is not None:
            call.admission = await gate.admit_admin(call.admin.name)
        else:
            call.admission = await gate.admit(call.caller, route.limit, cost)

    async def _take_for_address(self, limit: LimitClass, call: Call) -> None:
        if self._guards.gate is not None:
            call.admission = await self._guards.gate.admit_address(limit, call.address)

    async def _read(self, route: Route[Services], call: Call) -> None:
        if route.query is not None:
            call.query = bodies.query(route.query, call.request.query)
        elif route.access is Access.PARTNER and call.request.query_string and route.method not in _READING:
            raise bodies.no_parameters(call.request.query)
        if route.once and not getattr(call.query, "dry_run", False):
            _check_key(call.request)
        if route.raw:
            call.raw = await bodies.read(call.request, route.body_bytes_max)
        elif route.request is not None:
            call.body = bodies.validated(route.request, await self._json(route, call))
            bodies.check_numbers(call.raw)

    async def _json(self, route: Route[Services], call: Call) -> Any:
        """The body's object; no body at all is an empty object, of which validation says what it lacks."""
        if not call.request.can_read_body:
            return {}
        bodies.check_json_type(call.request)
        call.raw = await bodies.read(call.request, route.body_bytes_max)
        return _object(bodies.parse(call.raw, unique_names=route.once))


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


def _check_address(call: Call) -> None:
    """A client that is limited to networks is refused from elsewhere, whatever its token says."""
    networks = call.caller.networks
    if networks and not is_within(call.address, networks):
        raise Forbidden("This client may not be used from this address.", code="address_not_allowed")


def _check_key(request: web.Request) -> None:
    """Raises Invalid unless there is one Idempotency-Key of printable ASCII."""
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        error = FieldError(pointer="/headers/Idempotency-Key", code="required", message="Send an Idempotency-Key.")
        raise Invalid([error])
    if len(keys) > 1 or not 1 <= len(keys[0]) <= _KEY_LENGTH_MAX or not (keys[0].isascii() and keys[0].isprintable()):
        message = f"Send one Idempotency-Key of 1 to {_KEY_LENGTH_MAX} printable ASCII characters."
        raise Invalid([FieldError(pointer="/headers/Idempotency-Key", code="format", message=message)])
