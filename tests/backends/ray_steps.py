"""Calls that a worker of the cluster executes in tests."""

from __future__ import annotations

import os
import signal
import time
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


def done(context: TaskContext) -> Outcome:
    """Nothing to do."""
    return Outcome({"pid": context.workdir / "pid"}, {})


def until_there(path: Path) -> None:
    """Takes what it was given until somebody makes a file."""
    while not path.exists():
        time.sleep(0.1)


def broken(context: TaskContext) -> Outcome:
    """A bug."""
    context.progress("half way")
    raise KeyError("nobody expected this")
