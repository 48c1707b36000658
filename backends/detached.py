"""A project's own process that outlives the command: found by what it wrote down, or started.

Whoever starts one holds the project's lock meanwhile, so that there is never a second. The
process writes a record once it is up, and ends when the record is gone.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

import compiler
from compiler.engine import durable

_LOOK_SECONDS = 0.03
_children: list[subprocess.Popen[bytes]] = []


class Record(Protocol):
    """What a process writes down of itself; ``state`` is the ``.stackc`` that it belongs to."""

    @property
    def pid(self) -> int:
        """The process."""

    @property
    def state(self) -> str:
        """The project, by its real path."""


Kept = TypeVar("Kept", bound=Record)


def written(record: Path, state: Path, kind: type[Kept]) -> Kept | None:
    """The record of a project's process, which may have ended since; None where there is none."""
    try:
        found = msgspec.json.decode(record.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
    # A copied folder has the record of another project's process.
    return found if found.state == str(state.resolve()) else None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who looks for the process of this folder and may start it."""
    durable.make_folder(folder)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start(module: str, arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a module of ours as a process of its own; what it says goes into the log."""
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
    _children.append(child)
    return child


def awaited(
    child: subprocess.Popen[bytes], running: Callable[[], Kept | None], seconds: float
) -> Kept | None:
    """What the started process wrote down; None where it ended, or was ended for being late."""
    until = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < until:
        found = running()
        if found is not None and found.pid == child.pid:
            return found
        time.sleep(_LOOK_SECONDS)
    child.kill()
    return None


def reap() -> None:
    """Let go of those that this process started and that have ended."""
    for child in _children:
        child.poll()


def last_words(log: Path) -> str:
    """The last line of a log."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def _environment() -> dict[str, str]:
    """Our own, with the place that stackc is imported from."""
    home = str(Path(compiler.__file__).parent.parent)
    known = os.environ.get("PYTHONPATH", "")
    paths = [home, *filter(None, known.split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
