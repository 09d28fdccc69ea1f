"""The journey that `make run` plays."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, environment


@pytest.mark.timeout(180)
def test_the_journey_holds_on_a_fresh_state(tmp_path: Path) -> None:
    """One command starts everything, plays the journey, states what was proved, and ends with 0."""
    command = [sys.executable, "-m", "threadneedle", "up", "--embedded", "--demo", "--once", "--state", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False, text=True)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What was proved" in done.stdout
    assert "✗" not in done.stdout
