"""Does something again whenever a file that it read changes: by looking, five times a second.

A spec is a few files, and looking at a file costs a microsecond: no library
that asks the system for news is worth its weight here, and none has them for
every kind of disk.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from compiler.cli.frame import fail_with
from compiler.diagnostics import StackcError
from compiler.source import noting

if TYPE_CHECKING:
    from compiler.cli.output import Output
    from compiler.report.placing import Asked

EVERY = 0.2
"""Seconds between two looks; a change is acted on when a look finds no further one."""
PATIENCE = 15
"""Looks for which the spec may be gone: editors remove a file and put another in its place."""
MAX_FILES = 1000

_Seen: TypeAlias = dict[Path, tuple[int, int, int] | None]


def again_and_again(asked: Asked, output: Output, action: Callable[[], object]) -> None:
    """Do it, and again after each change, until nobody reads what it says any more."""
    files = {asked.spec}
    while not output.closed:
        began = time.perf_counter()
        before = _look(files | _around(asked))
        _clear(output)
        with noting(files):
            try:
                action()
            except StackcError as error:
                fail_with(output, error)
        lock = {asked.spec.parent / "stackc.lock"}  # what this compile has inferred
        # Looked at before it is said: who reads the line may write at once.
        seen = {**_look(files | _around(asked)), **_known(before, lock)}
        took = time.perf_counter() - began
        output.line(f"{time.strftime('%H:%M:%S')} · {took:.2f} s · waiting for a change")
        _wait(seen, asked, output, files)


def _known(seen: _Seen, others: Iterable[Path]) -> _Seen:
    """What was seen before the compile: a file that was saved while it ran has changed since."""
    return {path: state for path, state in seen.items() if path not in others}


def _wait(seen: _Seen, asked: Asked, output: Output, files: set[Path]) -> None:
    """Until the files differ from what was seen, and stay as they are for one look."""
    missed, last = 0, seen
    while not output.closed:
        now = _look(files | _around(asked))
        missed = missed + 1 if now[asked.spec] is None else 0
        if now != seen and now == last and (missed == 0 or missed > PATIENCE):
            return
        last = now
        time.sleep(EVERY)


def _around(asked: Asked) -> set[Path]:
    """The lock, and every file that could be an option of a config group."""
    folder = asked.spec.parent
    roots = (folder / "conf", *asked.config_dirs)
    options = (path for root in roots for path in root.rglob("*.y*ml"))
    return {folder / "stackc.lock", *islice(options, MAX_FILES)}


def _look(files: Iterable[Path]) -> _Seen:
    return {path: _state(path) for path in files}


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _clear(output: Output) -> None:
    """An empty screen on a terminal, a line between two answers elsewhere."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        output.raw("\x1b[2J\x1b[3J\x1b[H")
