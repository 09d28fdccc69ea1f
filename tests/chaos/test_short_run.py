"""A minute of faults under load, as part of every test run; `make chaos` is the long one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(500)
def test_a_minute_of_faults_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Seed 1: kills, flushes, unreachable stores and a lying bank; every zero of the checker is zero.

    How fast each fault is over is judged by `make chaos` on a quiet machine; here the bound is loose.
    """
    command = [sys.executable, "-m", "bench.chaos", "--seeds", "1", "--seconds", "60", "--state", str(tmp_path)]
    command += ["--recovery-seconds-max", "60", "--events-per-second", "30"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "MUST BE 0" not in done.stdout
