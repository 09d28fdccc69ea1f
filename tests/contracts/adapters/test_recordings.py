"""Golden files: what is built and what is understood changes only where somebody changes a recording."""

import pytest

from adapters.contract import Verdict
from adapters.declaration import OperationKind
from tests.contracts.adapters.kit.harness import ADAPTERS, NAMES
from tests.contracts.adapters.kit.recordings import (
    Recorded,
    builds,
    parses,
    recorded_instruction,
    told_evidence,
    told_request,
)
from tests.support import banks

CASES = [pytest.param(name, each, id=f"{name}-{each.case}") for name in NAMES for each in parses(name)]


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_operation_is_recorded_and_builds_the_same_bytes(name: str) -> None:
    """Each operation of the standard instruction is built exactly as recorded, twice."""
    adapter, recorded = ADAPTERS[name], builds(name)
    assert set(recorded) == set(adapter.declaration.operations)
    for kind, wanted in recorded.items():
        instruction = recorded_instruction(name, wanted)
        assert told_request(adapter.build(kind, instruction)) == wanted
        assert adapter.build(kind, instruction).to_bytes() == adapter.build(kind, instruction).to_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_declared_is_not_built(name: str) -> None:
    """An operation that the adapter does not declare raises ValueError."""
    for kind in set(OperationKind) - ADAPTERS[name].declaration.operations:
        with pytest.raises(ValueError, match=r"."):
            ADAPTERS[name].build(kind, banks.fitting(ADAPTERS[name].declaration))


@pytest.mark.parametrize(("name", "recorded"), CASES)
def test_a_recorded_answer_is_read_as_recorded(name: str, recorded: Recorded) -> None:
    """Every recorded answer gives exactly its evidence."""
    assert told_evidence(ADAPTERS[name].parse(recorded.kind, recorded.reply())) == recorded.evidence


@pytest.mark.parametrize("name", NAMES)
def test_every_paying_adapter_has_recorded_what_matters(name: str) -> None:
    """An adapter that pays has recordings of success, refusal and of an answer that proves nothing."""
    if ADAPTERS[name].declaration.operations:
        seen = {each.evidence["verdict"] for each in parses(name)}
        assert {Verdict.ACCEPTED, Verdict.REJECTED, Verdict.UNKNOWN} <= seen
