"""The command line: `rlsuite VERB`. One verb a module, each a thin layer over one public function.

Nothing heavy is imported here: `rlsuite --help` answers in under a second.
"""

from rlsuite.cli.app import call, main

__all__ = ["call", "main"]
