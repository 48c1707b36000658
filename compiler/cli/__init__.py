"""The command line: one module per command, loaded light and run with everything."""

from __future__ import annotations

import sys

COMMANDS = (
    "compile", "plan", "apply", "destroy", "status", "history", "show",
    "explain", "schema", "lock", "gc", "doctor",
)  # fmt: skip


def main() -> None:
    """The program ``stackc``."""
    try:
        from compiler.cli.frame import soften
        from compiler.cli.root import build

        soften(sys.stdout, sys.stderr)
        build()()
    except KeyboardInterrupt:  # before a command has begun; afterwards its frame answers
        raise SystemExit(130) from None
