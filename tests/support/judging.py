"""In every test the official files judge each exchange at a simulated bank of Open Banking UK or the Berlin Group.

Every request is to be the standard's, and every answer that no fault by command has spoiled. A test that itself sends
what is wrong says so by the mark `sends_what_is_wrong`: those of its requests are not judged that the bank refuses.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode

import pytest

from adapters.simulation.faults import Fault
from adapters.simulation.watching import WATCHERS, Seen
from adapters.wire import WireReply, WireRequest
from tests.support.official import VARIABLE, OfficialApi, official

MARK = "sends_what_is_wrong"
# Nothing came, or not what the bank wanted to say.
SPOILED = frozenset(
    {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.COMMIT_LATE, Fault.STALE}
    | {Fault.TRUNCATED, Fault.SLOW_DRIP, Fault.TOO_LARGE, Fault.GARBAGE, Fault.ERROR_IN_200}
)
_REFUSED = range(400, 500)
_PATHS = {"4.0": "v4.0", "3.1.11": "v3.1"}
_FILES = {"pisp": "payment-initiation-openapi.json", "aisp": "account-info-openapi.json"}


class NotTheStandards(AssertionError):
    """What was said at a bank is not as the standard's own file has it."""


class Judge:
    """One per test process; `judged` counts the exchanges."""

    def __init__(self) -> None:
        self.judged = 0

    @contextmanager
    def sitting(self, *, may_be_refused: bool) -> Iterator[None]:
        """Judge what is said meanwhile, once it is over: nobody waits for a judge. Raises NotTheStandards."""
        if not os.environ.get(VARIABLE):
            yield
            return
        seen: list[Seen] = []
        WATCHERS.append(seen.append)
        try:
            yield
        finally:
            WATCHERS.remove(seen.append)
        self.judged += len(seen)
        found = {problem: None for each in seen for problem in problems_of(each, may_be_refused=may_be_refused)}
        if found:
            raise NotTheStandards("\n".join(found))


JUDGE = pytest.StashKey[Judge]()


def counted(config: pytest.Config) -> int:
    """How many exchanges were judged in this process, and in those that it began."""
    judge = config.stash.get(JUDGE, None)
    return 0 if judge is None else judge.judged


def problems_of(seen: Seen, *, may_be_refused: bool) -> list[str]:
    """What the official file finds wrong with an exchange."""
    api = _file_of(seen)
    if api is None:
        return []
    where = f"{seen.protocol}: {seen.method} {seen.path}"
    found = []
    if not (may_be_refused and seen.status in _REFUSED):
        found += [f"{where}: the request: {each}" for each in api.problems_of_request(_request(seen))]
    if seen.fault not in SPOILED:
        reply = WireReply(status=seen.status, headers=seen.reply_headers, body=seen.reply_body)
        answer = f"{where}: the answer {seen.status}"
        found += [f"{answer}: {each}" for each in api.problems_of_answer(seen.method, seen.path, reply)]
    return found


def _request(seen: Seen) -> WireRequest:
    """How a bank numbers its pages is its own affair: the files name none of it."""
    path, _, query = seen.path.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "page"]
    whole = f"{path}?{urlencode(kept)}" if kept else path
    return WireRequest(method=seen.method, path=whole, headers=tuple(seen.headers.items()), body=seen.body)


def _file_of(seen: Seen) -> OfficialApi | None:
    if seen.protocol == "berlin_group":
        return official("berlin-group/psd2-api_v1.3.11.yaml")
    for version, part in _PATHS.items():
        for interface, file in _FILES.items():
            prefix = f"/open-banking/{part}/{interface}"
            if seen.path.startswith(f"{prefix}/"):
                return official(f"open-banking-uk/v{version}/{file}", prefix)
    return None
