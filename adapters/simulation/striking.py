"""Faults of account information: laid around a bank's honest handlers, so that those know nothing of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.contract.accounts import ReadingKind
from adapters.simulation.faults import Fault, FaultPlan
from adapters.simulation.misbehaviour import Answer, Misbehaviour

_NOT_DONE = frozenset({Fault.REFUSE, Fault.TOO_MANY, Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE})
# Those that a request about accounts can meet; of the others it takes no notice.
ACCOUNT_FAULTS = _NOT_DONE | {
    Fault.TIMEOUT_AFTER,
    Fault.RESET_AFTER,
    Fault.ANSWER_LATE,
    Fault.ERROR_500,
    Fault.ERROR_IN_200,
    Fault.WRONG_REFERENCE,
    Fault.TRUNCATED,
    Fault.SLOW_DRIP,
    Fault.TOO_LARGE,
    Fault.GARBAGE,
}
# Answers that say what they are about, so that a wrong one can be told.
_NAMING = frozenset({ReadingKind.CONSENT_STATUS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS})
_FRAMING = frozenset({"content-type", "content-length"})
_RESOURCES = {
    "accounts": ReadingKind.ACCOUNTS,
    "balances": ReadingKind.BALANCES,
    "transactions": ReadingKind.TRANSACTIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFaults:
    """Strikes requests about accounts as the plan says.

    `refusal` is an explicit refusal in the bank's own words; `named` maps each JSON member that says whose an answer is
    to what another's would bear there.
    """

    plan: FaultPlan
    misbehaviour: Misbehaviour
    refusal: Callable[[web.Request], Answer]
    named: Mapping[str, str]

    def over(self, routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
        """The routes, each of which can meet faults of its kind."""
        return [self._struck(each) for each in routes]

    def _struck(self, route: web.RouteDef) -> web.RouteDef:
        kind = kind_of(route)
        if kind is None:
            return route
        return web.RouteDef(route.method, route.path, self._around(route.handler, kind), route.kwargs)

    def _around(self, handler: Any, kind: ReadingKind) -> Handler:
        async def struck(request: web.Request) -> web.StreamResponse:
            fault = self.plan.take(kind)
            if fault is None or fault not in ACCOUNT_FAULTS:
                honest: web.StreamResponse = await handler(request)
                return honest
            if fault in _NOT_DONE:
                return await self.misbehaviour.give(request, self.refusal(request), fault)
            answer = self._answer(await handler(request), request)
            if fault is Fault.WRONG_REFERENCE and kind in _NAMING:
                answer = replace(answer, body=_of_another(answer.body, self.named))
            return await self.misbehaviour.give(request, answer, fault)

        return struck

    def _answer(self, honest: web.Response, request: web.Request) -> Answer:
        body = honest.body if isinstance(honest.body, bytes) else b""
        headers = {name: value for name, value in honest.headers.items() if name.lower() not in _FRAMING}
        refusal = self.refusal(request)
        return Answer(
            status=honest.status,
            body=body,
            error_body=refusal.body,
            headers=headers,
            content_type=honest.content_type,
            explains_500=refusal.explains_500,
        )


def kind_of(route: web.RouteDef) -> ReadingKind | None:
    """Which call of account information a route serves."""
    last = route.path.rpartition("/")[2]
    if last in _RESOURCES:
        return _RESOURCES[last]
    if "consents" not in route.path:
        return None
    match route.method, last:
        case "POST", "authorisations":
            return ReadingKind.AUTHORISE
        case "POST", _:
            return ReadingKind.CONSENT
        case "DELETE", _:
            return ReadingKind.CONSENT_END
        case _:
            return ReadingKind.CONSENT_STATUS


def _of_another(body: bytes, named: Mapping[str, str]) -> bytes:
    return orjson.dumps(_renamed(orjson.loads(body), named)) if body else body


def _renamed(value: Any, named: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(each, named) for each in value]
    if isinstance(value, dict):
        return {name: named.get(name) or _renamed(member, named) for name, member in value.items()}
    return value
