"""The command line: one module per command, loaded light and run with everything."""

from __future__ import annotations

import contextlib
import os
import sys

# `gc` is also a command beside this file.
from gc import set_threshold
from typing import NoReturn

COMMANDS = (
    "init", "compile", "fix", "fmt", "plan", "apply", "promote", "rollback", "destroy", "status",
    "monitor", "history", "show", "explain", "schema", "lsp", "lock", "gc", "doctor",
)  # fmt: skip


def program() -> NoReturn:
    """The program ``stackc``, as it is installed: ``main``, and then the end at once.

    All that has to last is on the disk by then; what is left, the system frees
    faster than the interpreter, and a library that was interrupted stays quiet.
    """
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main() -> None:
    """The command line.

    Raises:
        SystemExit: With the exit code, always.
    """
    # Looking for plug-ins of pydantic reads every installed package's metadata at each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # A compile makes many values that live to its end and few circles: looking for garbage
    # every 700 of them takes a seventh of its time.
    set_threshold(200_000, 20, 20)
    try:
        from compiler.cli.frame import soften
        from compiler.cli.root import build

        soften(sys.stdout, sys.stderr)
        build()()
    except KeyboardInterrupt:  # before a command has begun; afterwards its frame answers
        raise SystemExit(130) from None
