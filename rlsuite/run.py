"""`python -m rlsuite.run FILE` trains: the same as `rlsuite run FILE`."""

from __future__ import annotations

import sys


def main() -> None:
    """Hand the arguments to the train verb."""
    from rlsuite.cli import call

    sys.exit(call(["run", *sys.argv[1:]], prog="python -m rlsuite"))


if __name__ == "__main__":
    main()
