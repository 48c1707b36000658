"""Calls that a worker of the cluster executes in tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from compiler.backend import Outcome, TaskContext


def killed(context: TaskContext) -> Outcome:
    """As the system ends what uses too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def killed_once(mark: Path, context: TaskContext) -> Outcome:
    """Dies the first time."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return Outcome({"pid": context.workdir / "pid"}, {"pid": os.getpid()})
    return killed(context)


def broken(context: TaskContext) -> Outcome:
    """A bug."""
    context.progress("half way")
    raise KeyError("nobody expected this")
