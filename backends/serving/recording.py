"""Records what deployments are asked and answer: sketches by window, made beside the requests.

A request costs one append. A thread takes what has come together since, sketches
it in one go, and puts the sketches down every few seconds.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from backends.models.package import PREDICTION, PROBABILITY
from backends.serving.deployed import Observe
from backends.serving.rows import Rows
from backends.serving.windows import SNAPSHOT_SECONDS, Windows, end_of
from compiler.engine import durable
from compiler.graph.operations import Watch

Answers: TypeAlias = list[dict[str, Any]]
MOST_WAITING = 100_000
"""Requests that may wait to be sketched; what comes beyond is counted and left out."""
_TICK_SECONDS = 0.5
_LOG = logging.getLogger(__name__)


class Recorder:
    """One monitor's: what was asked since the last look, and the sketches of its window."""

    def __init__(self, windows: Windows, watch: str, operation: Watch, since: int) -> None:
        self.watch, self.operation = watch, operation
        self._windows = windows
        self._writer = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._waiting: deque[tuple[int, Rows, Answers]] = deque()
        self._left_out = 0
        self._sketches: dict[int, _Sketches] = {}
        self._since = since
        self._working = threading.Lock()

    @property
    def since(self) -> int:
        """No window begins before this time, in milliseconds."""
        return self._since

    def take(self, rows: Rows, answers: Answers) -> None:
        """Take in one request that was answered; called where requests are answered."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((self._begin(), rows, answers))
        else:
            self._left_out += 1

    def work(self, *, everything: bool = False) -> None:
        """Sketch what waits, and put down the sketches that are due, or all of them."""
        with self._working:
            taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            for begin, group in groupby(taken, key=itemgetter(0)):
                sketches = self._sketches.get(begin)
                if sketches is None:
                    sketches = self._sketches[begin] = _Sketches(self.operation.compare.columns)
                sketches.update([(rows, answers) for _, rows, answers in group])
            self._put_down(_now(), everything)
            if self._left_out:
                _LOG.warning("%s: %d requests left out", self.operation.monitor, self._left_out)
                self._left_out = 0

    def close(self, at: int | None = None) -> int:
        """End the window: what comes later belongs to the next. When, in ms.

        Processes that share a window are told when (``at``), so that they share the next one too.
        """
        with self._working:
            self._since = max(self._since, _now() if at is None else at)
        self.work(everything=True)
        return self._since

    def _begin(self) -> int:
        """When the window of this moment began."""
        length = self.operation.window_s * 1000
        return max(_now() // length * length, self._since)

    def _put_down(self, now: int, everything: bool) -> None:
        for begin, sketches in [*self._sketches.items()]:
            over = now >= end_of(begin, self.operation.window_s) or begin < self._since
            if sketches.due or ((everything or over) and sketches.changed):
                sketches.write(self._windows.place(self.watch, begin, self._writer))
            if over:
                del self._sketches[begin]


def _now() -> int:
    return time.time_ns() // 1_000_000


class _Sketches:
    """The sketches of one window: a profile of the columns that are compared, and the answers."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._wanted = columns
        self._sketches: dict[str, tuple[Any, str]] = {}
        self._rows = 0
        self._written = time.monotonic()
        self.changed = False

    @property
    def due(self) -> bool:
        """Whether there is something new to put down, and time to."""
        return self.changed and time.monotonic() - self._written >= SNAPSHOT_SECONDS

    def update(self, taken: list[tuple[Rows, Answers]]) -> None:
        """Take in requests with their answers."""
        from backends.whylogs.sketch import ColumnSketch, kind_of

        for name, (array, declared) in _arrays(taken, self._wanted).items():
            if name not in self._sketches:
                self._sketches[name] = (ColumnSketch(kind_of(array.type)), declared)
            self._sketches[name][0].update(array)
        self._rows += sum(rows.count for rows, _ in taken)
        self.changed = True

    def write(self, path: Path) -> None:
        """Put the sketches down as a profile."""
        from backends.whylogs.column import ColumnView
        from backends.whylogs.container import (
            ProfiledColumn,
            ProfileSet,
            WindowProfile,
            write_profile,
        )

        columns = tuple(
            ProfiledColumn(name, declared, sketch.kind)
            for name, (sketch, declared) in self._sketches.items()
        )
        views = {n: ColumnView(s.view(), s.kind) for n, (s, _) in self._sketches.items()}
        profile = ProfileSet(columns, (WindowProfile("", self._rows, views),))
        written = BytesIO()
        write_profile(written, profile)
        durable.write(path, written.getvalue())
        self._written, self.changed = time.monotonic(), False


def _arrays(
    taken: list[tuple[Rows, Answers]], wanted: Sequence[str]
) -> dict[str, tuple[pa.Array, str]]:
    """The columns of all these requests put together, and what was answered.

    Requests of one stretch of time may be of two revisions: their columns are
    read one by one, by name.
    """
    found: dict[str, tuple[pa.Array, str]] = {}
    for name in wanted:
        parts = [part for rows, _ in taken if (part := _column(rows, name)) is not None]
        if parts:
            first = parts[0]
            values = [value for part in parts if part.arrow == first.arrow for value in part.values]
            found[name] = (pa.array(values, first.arrow), first.declared)
    for name in (PREDICTION, PROBABILITY):
        answered = [a[name] for _, answers in taken for a in answers if name in a]
        if answered and name not in found:
            array = _answers(answered)
            found[name] = (array, str(array.type))
    return found


class _Part(NamedTuple):
    """A column of one request."""

    values: list[Any]
    arrow: pa.DataType
    declared: str


def _column(rows: Rows, name: str) -> _Part | None:
    for column, kind, values in zip(rows.request, rows.kinds, rows.values, strict=True):
        if column.name == name:
            return _Part(values, kind.arrow, str(column.type))
    return None


def _answers(values: list[Any]) -> pa.Array:
    """Labels or numbers; numbers that JSON has no literal for came as texts."""
    if any(type(value) is not type(values[0]) for value in values):
        return pa.array([str(value) for value in values])
    return pa.array(values)


class Recorders:
    """All recorders of a process, by deployment and monitor, and the thread that works them."""

    def __init__(self, monitors: Path) -> None:
        self._monitors = monitors
        self._held: dict[str, dict[str, Recorder]] = {}
        self._thread: threading.Thread | None = None

    def hook(self, deployment: str) -> Observe:
        """What a deployment tells of every request, watched or not."""

        def observe(rows: Rows, answers: Answers) -> None:
            for recorder in self._held.get(deployment, {}).values():
                recorder.take(rows, answers)

        return observe

    def watch(self, monitor: str, since: int = 0) -> None:
        """Record for a monitor from now on, as its folder says; raises LookupError.

        No window of it begins before ``since`` (ms): one that did is ended.
        """
        windows = Windows(self._monitors, monitor)
        asked = windows.asked()
        if asked is None:
            raise LookupError(f"nothing is written down for {monitor}")
        held = self._held.get(asked.operation.deployment, {})
        before = held.get(monitor)
        if before is None or (before.watch, before.operation) != (asked.watch, asked.operation):
            # A window is of one watch: what comes from now on is not of the one before.
            ended = windows.judged_until() if before is None else before.close()
            since = max(since, ended)
            self.forget(monitor)
            recorder = Recorder(windows, asked.watch, asked.operation, since)
            held = self._held.get(asked.operation.deployment, {})
            self._held[asked.operation.deployment] = {**held, monitor: recorder}
        elif since > before.since:
            before.close(since)
        if self._thread is None:
            self._thread = threading.Thread(target=self._go, name="record", daemon=True)
            self._thread.start()

    def forget(self, monitor: str) -> None:
        """Record for it no more; what was sketched is put down."""
        for deployment, held in [*self._held.items()]:
            if monitor in held:
                self._held[deployment] = {n: r for n, r in held.items() if n != monitor}
                held[monitor].close()

    def close(self, monitor: str) -> int:
        """End the monitor's window now; when that was, in ms. Raises LookupError."""
        for held in [*self._held.values()]:
            if monitor in held:
                return held[monitor].close()
        raise LookupError(f"nothing is recorded for {monitor}")

    def watching(self) -> dict[str, str]:
        """The watch of each monitor that is recorded for."""
        return {n: r.watch for held in [*self._held.values()] for n, r in held.items()}

    def end(self) -> None:
        """Put everything down."""
        for recorder in self._all():
            recorder.work(everything=True)

    def _all(self) -> list[Recorder]:
        return [recorder for held in [*self._held.values()] for recorder in held.values()]

    def _go(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            for recorder in self._all():
                try:
                    recorder.work()
                except Exception:
                    _LOG.exception("what was asked could not be recorded")
