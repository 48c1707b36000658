"""Measuring: whole processes with the peak memory of their tree, and results as data."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, "-c", "from compiler.cli import program; program()")


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: what it is, how much, and what the design asks (at most, or at least)."""

    group: str
    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    notes: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether it is what the design asks; None where it asks nothing."""
        if self.at_most is None and self.at_least is None:
            return None
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Run:
    """A process that ended: seconds, processor seconds and peak bytes of its tree, its words."""

    seconds: float
    cpu: float
    peak: int
    out: str

    @property
    def notes(self) -> str:
        """What tells a busy machine from a slow program."""
        return f"processor {self.cpu:.2f} s"


@dataclass(slots=True)
class _Watch:
    """Samples the memory of a process and its children until told to stop."""

    process: psutil.Process
    peak: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def loop(self) -> None:
        """Sample every 20 ms; shared pages are counted once a process, so it errs upward."""
        while not self.stop.wait(0.02):
            self.peak = max(self.peak, tree_memory(self.process))


def tree_memory(process: psutil.Process) -> int:
    """Resident bytes of a process and all its descendants, now."""
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total


_UNLIKE_USERS = {"PYTHONDONTWRITEBYTECODE"}
"""Variables that users do not set: without byte code, each start compiles what it imports."""


def stackc(*arguments: str, cwd: Path, check: bool = True, tree: bool = False) -> Run:
    """Run a command of ours as a user does; ``tree`` where it starts processes of its own.

    What compiles remember is in ``.cache`` of its folder.
    """
    environment = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cwd / ".cache")}
    return process([*PROGRAM, *arguments], cwd, environment, check=check, tree=tree)


def process(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    *,
    check: bool = True,
    tree: bool = False,
) -> Run:
    """Run a program to its end.

    Memory is what the kernel saw of the process; of a whole ``tree`` it is
    sampled, which takes time of its own (a fifth of a start-up on two cores).

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _UNLIKE_USERS}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        start = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**inherited, "NO_COLOR": "1", **(environment or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        with _watching(child.pid) if tree else nullcontext() as watch:
            _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        out = said.read()
    if check and child.returncode != 0:
        raise RuntimeError(
            f"{' '.join(command[-3:])} ended with {child.returncode}:\n{out[-2000:]}"
        )
    peak = watch.peak if watch else used.ru_maxrss * 1024
    return Run(seconds, used.ru_utime + used.ru_stime, peak, out)


@contextmanager
def _watching(pid: int) -> Iterator[_Watch]:
    watch = _Watch(psutil.Process(pid))
    thread = threading.Thread(target=watch.loop, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        thread.join()


def median_of(times: int, run: Callable[[], Run]) -> Run:
    """The run of the median time."""
    runs = sorted((run() for _ in range(times)), key=lambda done: done.seconds)
    return runs[len(runs) // 2]


def timed(times: int, *rivals: Callable[[], object]) -> list[float]:
    """The least seconds of each call in this process, taken in turns."""
    least = [math.inf] * len(rivals)
    for _ in range(times):
        least = [min(best, _once(work)) for best, work in zip(least, rivals, strict=True)]
    return least


def _once(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
