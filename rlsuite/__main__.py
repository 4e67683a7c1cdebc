"""`python -m rlsuite VERB`: the same as `rlsuite VERB`, for where the command is not on the PATH."""

from __future__ import annotations

from rlsuite.cli import main

if __name__ == "__main__":
    main()
