"""Judges the traffic that watches have gathered: each window once, told once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from compiler.backend import Artifact, Outcome, Traffic, WindowBatch
from compiler.engine import durable, outbox, rows
from compiler.engine.alerts import drift_event, drifted
from compiler.engine.execution import seed_of
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow
from compiler.engine.store import digest_of
from compiler.engine.tasks import Call
from compiler.graph.digest import canonical
from compiler.graph.documents import Drift
from compiler.graph.node import Graph
from compiler.graph.operations import CompareProfiles, Watch
from compiler.graph.types import ProfileType
from compiler.lower import Lowered, LoweredTask

MOST_WINDOWS = 500
"""Windows that a monitor remembers, the newest."""
_OUTPUT = "drift"


class Judged(Struct, frozen=True):
    """What one look at a monitor found.

    Attributes:
        block: The monitor.
        drift: The windows judged just now, none where none was over.
        rows: Rows that open windows have gathered.
        closes: When the next window is over, in words; None without traffic.
    """

    block: str
    drift: Drift
    rows: int
    closes: str | None


def watches(project: Project) -> tuple[NodeRow, ...]:
    """The monitors of deployments that are applied."""
    found = rows.nodes(project.state).values()
    return tuple(row for row in found if row.operation == Watch.__name__)


def judge(
    project: Project, graph: Graph, lowered: Lowered, *, close: bool = False
) -> tuple[Judged, ...]:
    """Hold every window that is over against its reference; those that drifted become events.

    A window is judged in one transaction with the event that tells of it, and
    forgotten by its backend only then: killed in between, the next look knows it.

    Args:
        project: Open for writing.
        graph: The graph that is wanted; its channels are told.
        lowered: Where the backends come from.
        close: End the open windows at this moment.

    Raises:
        StackcError: A backend cannot be asked.
    """
    return tuple(_Look(project, graph, lowered, row).go(close) for row in watches(project))


class _Look(Struct):
    """One look at one monitor."""

    project: Project
    graph: Graph
    lowered: Lowered
    row: NodeRow

    def go(self, close: bool) -> Judged:
        task = self.lowered.restore(self.row.backend, self.row.operation, self.row.settings)
        with _workdir(self.project) as workdir:
            traffic: Traffic = self._ask(task, "windows", (close,), workdir)
            before = self._before()
            known = {window["window"] for window in before["windows"]}
            found = [self._compare(batch, workdir) for batch in traffic.batches]
            labels = tuple(label for batch in traffic.batches for label in batch.labels)
            new = [w for drift in found for w in drift["windows"] if w["window"] not in known]
            new.sort(key=lambda window: window["window"])
            now = _document(found[-1] if found else before, new)
            if labels:
                path = self._keep(_document(now, [*before["windows"], *new]), now, workdir)
                durable.point("monitor.kept")
                self._ask(task, "judged", (labels, path), workdir)
        return Judged(self.row.block, now, traffic.rows, traffic.closes)

    def _ask(
        self, task: LoweredTask, method: str, arguments: tuple[object, ...], workdir: Path
    ) -> Any:
        attributes = self.row.attributes or {}
        seed = seed_of(self.project, self.row, task, workdir)
        call = Call(task.lowering.target, method, (attributes, *arguments), seed)
        return self.project.workers.run(call, task.lowering.isolation, _silent)

    def _before(self) -> Drift:
        stored = self.row.outputs[_OUTPUT]
        path = self.project.store.get(stored.digest, stored.suffix)
        if path is None:
            # Damaged: what was told stays told, what is judged from now on is kept anew.
            return _document({"method": "auto", "threshold": 0.0, "reference_rows": 0}, [])
        return cast("Drift", json.loads(path.read_bytes()))

    def _compare(self, batch: WindowBatch, workdir: Path) -> Drift:
        """The drift of a batch, by the backend that has profiled the reference."""
        producer = self.row.inputs["reference"].split(":")[0]
        profiled = rows.nodes(self.project.state)[producer]
        task = self.lowered.restore(profiled.backend, CompareProfiles.__name__, profiled.settings)
        watch = msgspec.json.decode(self.row.parameters, type=Watch)
        kind = ProfileType(watch.compare.columns)
        inputs = {
            name: Artifact(path, digest_of(path), kind)
            for name, path in (("reference", batch.reference), ("current", batch.profile))
        }
        seed = seed_of(self.project, self.row, task, workdir)
        call = Call(task.lowering.target, None, (watch.compare, inputs), seed)
        outcome: Outcome = self.project.workers.run(call, task.lowering.isolation, _silent)
        return cast("Drift", json.loads(outcome.files["drift"].read_bytes()))

    def _keep(self, document: Drift, now: Drift, workdir: Path) -> Path:
        """Put what was found into the state, and into the outbox what is worth telling."""
        project, state = self.project, self.project.state
        path = workdir / "judged.json"
        path.write_bytes(canonical(document))
        stored = project.store.put(path, self.row.outputs[_OUTPUT].suffix, move=False)
        watch = msgspec.json.decode(self.row.parameters, type=Watch)
        summary = {
            **self.row.summary,
            "windows": len(document["windows"]),
            "drifted": len(drifted(document)),
        }
        row = replace(self.row, outputs={_OUTPUT: stored}, summary=summary)
        channels = outbox.channels_of(self.graph)
        with state.transaction():
            rows.put_node(state, row)
            rows.put_stamps(state, project.store.take_fresh())
            for window in drifted(now):
                draft = drift_event(watch.monitor, _document(now, [window]), watch.notify)
                told = outbox.scrubbed(project, draft)
                outbox.put(state, "", f"{watch.monitor} {window['window']}", [told], channels)
        return path


def _document(like: Any, windows: list[Any]) -> Drift:
    """A drift document of these windows, the newest that are kept."""
    kept = windows[-MOST_WINDOWS:]
    return Drift(
        method=like["method"],
        threshold=like["threshold"],
        reference_rows=like["reference_rows"],
        alert=any(window["drifted"] for window in kept),
        windows=kept,
    )


@contextmanager
def _workdir(project: Project) -> Iterator[Path]:
    workdir = project.scratch / uuid4().hex
    durable.make_folder(workdir)
    try:
        yield workdir
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def _silent(_text: str) -> None:
    """Looking is quick: there is no progress to show."""
