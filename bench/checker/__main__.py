"""`python -m bench.checker FOLDER`: check what a run left behind, again."""

import argparse
import sys
from pathlib import Path

from bench.checker.check import chains_promised, check
from bench.checker.finding import as_text
from bench.checker.history import History
from bench.target import DEFAULT, Target


def main() -> int:
    """Print the findings; 1 if something that must be zero is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=Path, default=DEFAULT)
    arguments = parser.parse_args()
    target = Target.load(arguments.target)
    found = check(History.read(arguments.folder, chains_promised=chains_promised(target)), target)
    print(as_text(found))
    return 0 if all(finding.held for finding in found) else 1


if __name__ == "__main__":
    sys.exit(main())
