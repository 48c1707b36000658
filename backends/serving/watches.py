"""The resource Watch for every backend that serves: what was asked for, and what came of it.

What is kept lies in the project (``windows``), whoever writes it. A backend says
how those who serve are told what to record.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from backends.serving.windows import GRACE_SECONDS, Watched, Windows, end_of, label_of
from backends.shelf import names
from compiler.backend import (
    AnsweredWindow,
    Applied,
    Artifact,
    Json,
    Outcome,
    TaskContext,
    Traffic,
)
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine.alerts import drifted, dropped, performance_of
from compiler.graph.digest import canonical
from compiler.graph.documents import Drift, Performance
from compiler.graph.operations import Measure, Watch


class Watches(ABC):
    """Reconciles what is recorded; what was gathered outlives those who serve.

    ``owner`` is the folder of the backend in ``.stackc``.
    """

    owner: ClassVar[str]

    @abstractmethod
    def watching(self, context: TaskContext) -> Mapping[str, str] | None:
        """The watch of each monitor that is recorded for; None where nobody serves."""

    @abstractmethod
    def begin(self, operation: Watch, context: TaskContext) -> None:
        """Have recorded from now on what the monitor's folder asks for; raises StackcError."""

    @abstractmethod
    def end(self, monitor: str, context: TaskContext) -> None:
        """Have it recorded no more, and what was sketched put down; raises StackcError."""

    @abstractmethod
    def close(self, monitor: str, context: TaskContext) -> float:
        """End the monitor's window; what began before this time (ms) is over."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether this monitor is recorded for, as it was asked to."""
        watching = self.watching(context)
        return watching is not None and watching.get(attributes["name"]) == attributes["watch"]

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The monitor that an interrupted apply made, if it is recorded for."""
        for name in names(monitors(context.state, self.owner)):
            windows = self._windows(name, context)
            asked = windows.asked()
            if asked is not None and operation_id in asked.operations:
                applied = _applied(windows, asked, context)
                return applied if self.read(applied.attributes, context) else None
        return None

    def apply(
        self,
        operation: Watch,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Write down what is asked for and have it recorded.

        Raises:
            StackcError: Nobody serves, or who serves does not answer (E717).
        """
        if self.watching(context) is None:
            raise silent(operation.monitor)
        windows = self._windows(operation.monitor, context)
        asked = windows.ask(operation, inputs["reference"], operation_id)
        self.begin(operation, context)
        if operation.measure is None:
            windows.forget_answers()
        return _applied(windows, asked, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Record no more, and forget what was gathered."""
        if self.watching(context) is not None:
            self.end(attributes["name"], context)
        self._windows(attributes["name"], context).clear()

    def windows(self, attributes: Mapping[str, Json], close: bool, context: TaskContext) -> Traffic:
        """The windows that are over, each against the reference it was recorded with."""
        from backends.serving.batches import batches, merged

        name = attributes["name"]
        windows = self._windows(name, context)
        asked = windows.asked()
        if asked is None:
            return Traffic()
        length = asked.operation.window_s
        served = self.watching(context) is not None
        until = self._closed(name, served, context) if close else None
        if until is not None:
            windows.closed(int(until))
        # Where nobody serves, nobody writes late.
        ended = (time.time() - (GRACE_SECONDS if served else 0.0)) * 1000
        held = [*windows.all()]
        over = [w for w in held if end_of(w.begin, length) <= ended or (until and w.begin < until)]
        still = [window for window in held if window not in over]
        found = tuple(batches(windows, over, context.workdir))
        answers = tuple(_answers(windows, asked.operation, ended))
        if not still:
            return Traffic(found, answers=answers)
        closes = datetime.fromtimestamp(end_of(still[-1].begin, length) / 1000, UTC)
        rows = sum(merged(window)[1].rows for window in still)
        return Traffic(found, rows, closes.strftime("%Y-%m-%d %H:%M:%S UTC"), answers)

    def judged(
        self,
        attributes: Mapping[str, Json],
        labels: tuple[str, ...],
        drift: Path,
        context: TaskContext,
    ) -> None:
        """Keep what was found, and no window that was judged."""
        self._windows(attributes["name"], context).judged(labels, drift)

    def measured(
        self,
        attributes: Mapping[str, Json],
        labels: tuple[str, ...],
        performance: Path,
        context: TaskContext,
    ) -> None:
        """Keep what was found, and no answers of a window that was measured."""
        self._windows(attributes["name"], context).measured(labels, performance)

    def _windows(self, name: str, context: TaskContext) -> Windows:
        return Windows(monitors(context.state, self.owner), name)

    def _closed(self, monitor: str, served: bool, context: TaskContext) -> float:
        return self.close(monitor, context) if served else time.time() * 1000


def monitors(state: Path, owner: str) -> Path:
    """The folder of all monitors that a backend keeps for a project."""
    return state / owner / "monitors"


def silent(monitor: str) -> StackcError:
    """Nobody serves what a monitor watches (E717)."""
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"the server that `{monitor}` watches does not answer",
        help="apply again: it is started anew",
    )


def _answers(windows: Windows, operation: Watch, ended: float) -> Iterator[AnsweredWindow]:
    """The windows whose answers wait for labels, but for those that are still written to."""
    closed = windows.closed_until()
    for begin, folder in windows.answers() if operation.measure is not None else ():
        end = end_of(begin, operation.window_s)
        if end <= ended or begin < closed:
            yield AnsweredWindow(label_of(begin), folder, end / 1000)


def _applied(windows: Windows, asked: Watched, context: TaskContext) -> Applied:
    operation = asked.operation
    path = context.workdir / "drift.json"
    path.write_bytes(windows.drift.read_bytes() if windows.drift.is_file() else _nothing(operation))
    judged: Drift = json.loads(path.read_bytes())
    summary: dict[str, Json] = {
        "windows": len(judged["windows"]),
        "drifted": len(drifted(judged)),
    }
    files = {"drift": path}
    if operation.measure is not None:
        files["performance"] = _measured(windows, operation.measure, context)
        measured: Performance = json.loads(files["performance"].read_bytes())
        summary["dropped"] = len(dropped(measured))
    attributes = {"name": operation.monitor, "watch": asked.watch}
    return Applied(attributes, Outcome(files, summary))


def _measured(windows: Windows, measure: Measure, context: TaskContext) -> Path:
    """The windows measured so far, with the bound that is asked for now."""
    held = windows.performance
    before: Performance | None = json.loads(held.read_bytes()) if held.is_file() else None
    found = performance_of(measure, before["windows"] if before else [])
    path = context.workdir / "performance.json"
    path.write_bytes(canonical(found))
    return path


def _nothing(operation: Watch) -> bytes:
    """The document of a monitor that has judged no window."""
    compare = operation.compare
    return canonical(
        Drift(
            method=compare.method,
            threshold=compare.threshold,
            reference_rows=0,
            alert=False,
            windows=[],
        )
    )
