"""The command line of the chaos run."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.target import DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`seconds` is how long each seed's load lasts; faults strike in it. `state` is emptied before each seed."""

    seeds: tuple[int, ...]
    seconds: float
    settle_seconds: float
    recovery_seconds_max: float
    events_per_second: float
    payments_per_second: float
    target: Path
    state: Path
    out: Path | None
    faults: bool

    def replay(self, seed: int) -> str:
        """The command that runs this seed again."""
        return f"python -m bench.chaos --seed {seed} --seeds 1 --seconds {self.seconds:g}"


def read_options() -> Options:
    """From sys.argv."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds to run, one after the other")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seconds", type=float, default=480, help="length of each seed's load")
    parser.add_argument("--settle-seconds", type=float, default=240, help="longest wait for the last deliveries")
    parser.add_argument("--recovery-seconds-max", type=float, default=15, help="longest way back to a steady state")
    parser.add_argument("--events-per-second", type=float, default=60)
    parser.add_argument("--payments-per-second", type=float, default=3)
    parser.add_argument("--target", type=Path, default=DEFAULT, help="the target file")
    parser.add_argument("--state", type=Path, default=Path("var/chaos"), help="where everything is kept")
    parser.add_argument("--out", type=Path, help="the page that gets the result")
    parser.add_argument("--no-faults", action="store_true", help="the load alone")
    given = parser.parse_args()
    return Options(
        seeds=tuple(range(given.seed, given.seed + given.seeds)),
        seconds=given.seconds,
        settle_seconds=given.settle_seconds,
        recovery_seconds_max=given.recovery_seconds_max,
        events_per_second=given.events_per_second,
        payments_per_second=given.payments_per_second,
        target=given.target,
        state=given.state.absolute(),
        out=given.out,
        faults=not given.no_faults,
    )
