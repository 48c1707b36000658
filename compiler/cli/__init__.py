"""The command line: one module per command, loaded light and run with everything."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

# `gc` is also a command beside this file.
from gc import set_threshold

COMMANDS = (
    "init", "compile", "plan", "apply", "destroy", "status", "history", "show",
    "explain", "schema", "lock", "gc", "doctor",
)  # fmt: skip


def main() -> None:
    """The program ``stackc``."""
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
    except SystemExit as end:
        if end.code == 130 and threading.active_count() > 1:
            _leave(130)
        raise


def _leave(code: int) -> None:
    """End at once: a task that was interrupted inside a library would end the process loudly."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
