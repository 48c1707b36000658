"""The resource Watch: the host sketches what a deployment is asked, window by window."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backends.host.process import OWNER, Running, answering, running
from backends.serving.windows import GRACE_SECONDS, Watched, Windows, end_of
from compiler.backend import Applied, Artifact, Json, Outcome, TaskContext, Traffic
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine.alerts import drifted
from compiler.graph.digest import canonical
from compiler.graph.documents import Drift
from compiler.graph.operations import Watch


class Watches:
    """Reconciles what the host records; what was gathered outlives the host."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the host records for this monitor, as it was asked to."""
        found = answering(context.state)
        return (
            found is not None
            and found[1]["watching"].get(attributes["name"]) == (attributes["watch"])
        )

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The monitor that an interrupted apply made, if the host records for it."""
        folder = monitors(context.state)
        for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
            windows = Windows(folder, entry.name)
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
        """Write down what is asked for and have the host record it.

        Raises:
            StackcError: The host does not answer (E717).
        """
        host = running(context.state)
        if host is None:
            raise _silent(operation.monitor)
        windows = Windows(monitors(context.state), operation.monitor)
        asked = windows.ask(operation, inputs["reference"], operation_id)
        _told(host, {"do": "watch", "name": operation.monitor}, operation.monitor)
        return _applied(windows, asked, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Record no more, and forget what was gathered."""
        host = running(context.state)
        if host is not None:
            _told(host, {"do": "unwatch", "name": attributes["name"]}, attributes["name"])
        Windows(monitors(context.state), attributes["name"]).clear()

    def windows(self, attributes: Mapping[str, Json], close: bool, context: TaskContext) -> Traffic:
        """The windows that are over, each against the reference it was recorded with."""
        from backends.serving.batches import batches, merged

        name = attributes["name"]
        windows = Windows(monitors(context.state), name)
        asked = windows.asked()
        if asked is None:
            return Traffic()
        length = asked.operation.window_s
        until = _closed(name, context) if close else None
        ended = _ended(context)
        held = [*windows.all()]
        over = [w for w in held if end_of(w.begin, length) <= ended or (until and w.begin < until)]
        still = [window for window in held if window not in over]
        found = tuple(batches(windows, over, context.workdir))
        if not still:
            return Traffic(found)
        closes = datetime.fromtimestamp(end_of(still[-1].begin, length) / 1000, UTC)
        rows = sum(merged(window)[1].rows for window in still)
        return Traffic(found, rows, closes.strftime("%Y-%m-%d %H:%M:%S UTC"))

    def judged(
        self,
        attributes: Mapping[str, Json],
        labels: tuple[str, ...],
        drift: Path,
        context: TaskContext,
    ) -> None:
        """Keep what was found, and no window that was judged."""
        Windows(monitors(context.state), attributes["name"]).judged(labels, drift)


def monitors(state: Path) -> Path:
    """The folder of all monitors of a project."""
    return state / OWNER / "monitors"


def _ended(context: TaskContext) -> float:
    """Windows that end before this time (ms) are over; where no host runs, nobody writes late."""
    grace = GRACE_SECONDS if running(context.state) is not None else 0.0
    return (time.time() - grace) * 1000


def _closed(monitor: str, context: TaskContext) -> float:
    """End the monitor's window; everything that began before this time (ms) is over."""
    host = running(context.state)
    if host is None:
        return time.time() * 1000
    return float(_told(host, {"do": "close", "name": monitor}, monitor)["at"])


def _told(host: Running, request: Mapping[str, Json], monitor: str) -> dict[str, Any]:
    try:
        answer = host.ask(request, 30.0)
    except OSError:
        raise _silent(monitor) from None
    if "error" in answer:
        raise fail(
            Code.DEPLOYMENT_FAILED,
            f"the host cannot watch for `{monitor}`: {answer['error']}",
            help="apply again",
        )
    return answer


def _silent(monitor: str) -> Exception:
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"the host that `{monitor}` watches does not answer",
        help="apply again: it is started anew",
    )


def _applied(windows: Windows, asked: Watched, context: TaskContext) -> Applied:
    operation = asked.operation
    path = context.workdir / "drift.json"
    path.write_bytes(windows.drift.read_bytes() if windows.drift.is_file() else _nothing(operation))
    judged: Drift = json.loads(path.read_bytes())
    summary = {"windows": len(judged["windows"]), "drifted": len(drifted(judged))}
    attributes = {"name": operation.monitor, "watch": asked.watch}
    return Applied(attributes, Outcome({"drift": path}, summary))


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
