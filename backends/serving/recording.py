"""Records what deployments are asked and answer: sketches by window, and answers for labels.

What is asked is kept until there is enough of it to be sketched in one go, by whoever answers
the request that makes it enough: a thread of its own would take the interpreter's lock from
those who answer, for 5 ms at a time. A thread sketches what is left over on a quiet day, and
puts the sketches down every few seconds.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from functools import partial
from pathlib import Path

from backends.serving.answers import Answered, AnswerLog
from backends.serving.deployed import Observe
from backends.serving.rows import Rows, Scores
from backends.serving.sketches import Answers, Gathered, Sketches
from backends.serving.windows import Windows, end_of
from compiler.graph.operations import Watch

MOST_WAITING = 1_000_000
"""Rows that may wait to be sketched; requests that come then are counted and left out."""
ENOUGH = 4096
"""What is sketched in one go, in rows; a request counts as so many more:"""
A_REQUEST = 16
_TICK_SECONDS = 0.5
_LOG = logging.getLogger(__name__)


class Recorder:
    """One monitor's: what was asked since the last look, and the sketches of its window."""

    def __init__(self, windows: Windows, watch: str, operation: Watch, since: int) -> None:
        self.watch, self.operation = watch, operation
        self._windows = windows
        self._writer = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._gathered: list[Gathered] = []
        self._size = 0
        self._left_out = 0
        self._sketches: dict[int, Sketches] = {}
        self._logs: dict[int, AnswerLog] = {}
        self._since = since
        self._taking, self._working = threading.Lock(), threading.Lock()

    @property
    def since(self) -> int:
        """No window begins before this time, in milliseconds."""
        return self._since

    def take(self, rows: Rows, answers: Answers, scores: Scores) -> None:
        """Take in one request that was answered; called where requests are answered."""
        with self._taking:
            if self._size >= MOST_WAITING:
                self._left_out += 1
                return
            self._open(rows, scores).add(rows, answers, scores)
            self._size += A_REQUEST + rows.count
        if self._size >= ENOUGH and self._working.acquire(blocking=False):
            try:
                self._sketch()
            finally:
                self._working.release()

    def work(self, *, everything: bool = False) -> None:
        """Sketch what waits, and put down the sketches that are due, or all of them."""
        with self._working:
            self._sketch()
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

    def _open(self, rows: Rows, scores: Scores) -> Gathered:
        """What requests of this moment to this revision are gathered in."""
        begin = self._begin()
        # The last two: while a canary goes on, two revisions take turns.
        for gathered in self._gathered[:-3:-1]:
            if gathered.begin == begin and gathered.request is rows.request:
                return gathered
        measure = self.operation.measure
        answered = None if measure is None else Answered(rows, scores, measure)
        columns = self.operation.compare.columns
        self._gathered.append(Gathered(begin, rows, columns, answered))
        return self._gathered[-1]

    def _sketch(self) -> None:
        with self._taking:
            taken, self._gathered, self._size = self._gathered, [], 0
        for gathered in taken:
            self._sketches.setdefault(gathered.begin, Sketches()).update(gathered)
            if gathered.answered is not None:
                self._logs.setdefault(gathered.begin, AnswerLog()).update(gathered.answered)

    def _begin(self) -> int:
        """When the window of this moment began."""
        length = self.operation.window_s * 1000
        return max(_now() // length * length, self._since)

    def _put_down(self, now: int, everything: bool) -> None:
        for begin, sketches in [*self._sketches.items()]:
            over = now >= end_of(begin, self.operation.window_s) or begin < self._since
            if sketches.due or ((everything or over) and sketches.changed):
                sketches.write(self._windows.place(self.watch, begin, self._writer))
            log = self._logs.get(begin)
            if log and (log.due or ((everything or over) and log.changed)):
                log.write(partial(self._windows.answers_place, begin, self._writer))
            if over:
                del self._sketches[begin]
                self._logs.pop(begin, None)


def _now() -> int:
    return time.time_ns() // 1_000_000


class Recorders:
    """All recorders of a process, by deployment and monitor, and the thread that works them."""

    def __init__(self, monitors: Path) -> None:
        self._monitors = monitors
        self._held: dict[str, dict[str, Recorder]] = {}
        self._thread: threading.Thread | None = None

    def hook(self, deployment: str) -> Observe:
        """What a deployment tells of every request, watched or not."""

        def observe(rows: Rows, answers: Answers, scores: Scores) -> None:
            for recorder in self._held.get(deployment, {}).values():
                recorder.take(rows, answers, scores)

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
