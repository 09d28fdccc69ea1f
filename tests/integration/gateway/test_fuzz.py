import random
import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.admin.routes import ADMIN_ROUTES
from gateway.routes import PUBLIC_ROUTES
from tests.support.edge import Edge

WRITES = [(route, False) for route in PUBLIC_ROUTES if route.request] + [
    (route, True) for route in ADMIN_ROUTES if route.request
]
EXAMPLES_PER_ROUTE = 25
_PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def _bodies(names: list[str]) -> st.SearchStrategy[Any]:
    """Objects with the route's own field names and anything in them."""
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=3), values, max_size=len(names) + 1)


@pytest.fixture
def bodies() -> list[list[bytes]]:
    """Those of each route, made before the loop runs: hypothesis computes for longer than a loop may stand still."""
    return [_examples(list(route.request.model_fields)) for route, _ in WRITES if route.request is not None]


async def test_whatever_is_sent_is_answered_without_a_500(bodies: list[list[bytes]], edge: Edge) -> None:
    """Random JSON under the right names and random bytes, on every route with a body: 4xx with a problem, or 2xx."""
    party = await edge.party()
    for (route, admin), examples in zip(WRITES, bodies, strict=True):
        for body in examples:
            path = re.sub(r"{\w+}", "nobody", route.path)
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            token = None if admin else party.token
            answer = await edge.call(route.method, path, admin=admin, token=token, headers=headers, data=body)
            assert answer.status not in {429, 500, 502, 503}, (route.path, body, answer.raw)
            if answer.status >= 400:
                # The errors of the OAuth endpoints have the shape of RFC 6749 §5.2.
                members = {"error"} if route.path.startswith("/oauth/") else _PROBLEM
                assert members <= answer.json.keys()


def _examples(names: list[str]) -> list[bytes]:
    """Bodies made by hypothesis."""
    made: list[bytes] = []

    @settings(
        max_examples=EXAMPLES_PER_ROUTE,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(body=_bodies(names) | st.binary(max_size=60))
    def collect(body: Any) -> None:
        made.append(
            body
            if isinstance(body, bytes)
            else orjson.dumps(body, option=orjson.OPT_PASSTHROUGH_DATACLASS, default=str)
            if _fits(body)
            else b"{}"
        )

    collect()
    return random.Random(7).sample(made, min(len(made), EXAMPLES_PER_ROUTE))  # noqa: S311 - a choice of examples


def _fits(body: Any) -> bool:
    try:
        orjson.dumps(body)
    except (TypeError, ValueError):
        return False
    return True
