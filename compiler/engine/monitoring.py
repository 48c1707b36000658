"""Judges the traffic that watches have gathered: each window once, told once."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from compiler.backend import Artifact, Outcome, Traffic, WindowBatch
from compiler.diagnostics import Diagnostic, StackcError
from compiler.engine import rows
from compiler.engine.alerts import drift_event, drifted
from compiler.engine.execution import scratch_folder
from compiler.engine.looking import MOST_WINDOWS, Look
from compiler.engine.measuring import Measured, Memory, measure
from compiler.engine.placing import placed
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow
from compiler.engine.store import digest_of
from compiler.graph.documents import Drift
from compiler.graph.node import Graph
from compiler.graph.operations import CompareProfiles, Watch
from compiler.graph.types import ProfileType
from compiler.lower import Lowered

_OUTPUT = "drift"


class Judged(Struct, frozen=True):
    """What one look at a monitor found.

    Attributes:
        block: The monitor.
        drift: The windows judged just now, none where none was over.
        rows: Rows that open windows have gathered.
        closes: When the next window is over, in words; None without traffic.
        measured: The windows whose performance was judged just now, and those that
            wait for labels; None where no labels are awaited.
        problems: Why their performance could not be judged.
    """

    block: str
    drift: Drift
    rows: int
    closes: str | None
    measured: Measured | None = None
    problems: tuple[Diagnostic, ...] = ()

    @property
    def alert(self) -> bool:
        """Whether a window drifted, or one's performance dropped."""
        return self.drift["alert"] or (
            self.measured is not None and self.measured.performance["alert"]
        )

    @property
    def told(self) -> bool:
        """Whether a window was judged."""
        measured = self.measured is not None and bool(self.measured.performance["windows"])
        return bool(self.drift["windows"]) or measured


def watches(project: Project) -> tuple[NodeRow, ...]:
    """The monitors of deployments that are applied."""
    found = rows.nodes(project.state).values()
    return tuple(row for row in found if row.operation == Watch.__name__)


def judge(
    project: Project,
    graph: Graph,
    lowered: Lowered,
    *,
    close: bool = False,
    memory: MutableMapping[str, Memory] | None = None,
) -> tuple[Judged, ...]:
    """Hold every window that is over against its reference; those that drifted become events.

    A window is judged in one transaction with the event that tells of it, and
    forgotten by its backend only then: killed in between, the next look knows it.
    Its answers are forgotten once their performance is judged, likewise.

    Args:
        project: Open for writing.
        graph: The graph that is wanted; its channels are told.
        lowered: Where the backends come from.
        close: End the open windows at this moment.
        memory: What earlier looks found of windows that wait for labels.

    Raises:
        StackcError: A backend cannot be asked.
    """
    looks = [Look(project, graph, lowered, row) for row in watches(project)]
    return tuple(_judged(look, close, {} if memory is None else memory) for look in looks)


def _judged(look: Look, close: bool, memory: MutableMapping[str, Memory]) -> Judged:
    with scratch_folder(look.project) as workdir:
        traffic: Traffic = look.ask("windows", (close,), workdir)
        now = _drift(look, traffic, workdir)
        found = Judged(look.row.block, now, traffic.rows, traffic.closes)
        try:
            measured = measure(look, traffic.answers, workdir, memory)
        except StackcError as error:
            node = look.graph.by_address.get(look.row.address)
            origin = node.origin if node is not None else ()
            problems = tuple(placed(problem, origin) for problem in error.diagnostics)
            return Judged(*_fields(found), None, problems)
        return Judged(*_fields(found), measured)


def _fields(found: Judged) -> tuple[str, Drift, int, str | None]:
    return found.block, found.drift, found.rows, found.closes


def _drift(look: Look, traffic: Traffic, workdir: Path) -> Drift:
    """Judge the drift of the windows that are over; what was found just now."""
    before = look.document(_OUTPUT) or _document(_UNKNOWN, [])
    known = {window["window"] for window in before["windows"]}
    found = [_compared(look, batch, workdir) for batch in traffic.batches]
    labels = tuple(label for batch in traffic.batches for label in batch.labels)
    new = [w for drift in found for w in drift["windows"] if w["window"] not in known]
    new.sort(key=lambda window: window["window"])
    now = _document(found[-1] if found else before, new)
    if labels:
        path = _kept(look, _document(now, [*before["windows"], *new]), now, workdir)
        look.ask("judged", (labels, path), workdir)
    return now


def _compared(look: Look, batch: WindowBatch, workdir: Path) -> Drift:
    """The drift of a batch, by the backend that has profiled the reference."""
    producer = look.row.inputs["reference"].split(":")[0]
    profiled = rows.nodes(look.project.state)[producer]
    task = look.lowered.restore(profiled.backend, CompareProfiles.__name__, profiled.settings)
    compare = look.watch.compare
    kind = ProfileType(compare.columns)
    inputs = {
        name: Artifact(path, digest_of(path), kind)
        for name, path in (("reference", batch.reference), ("current", batch.profile))
    }
    outcome: Outcome = look.run(task, None, (compare, inputs), workdir)
    return cast("Drift", json.loads(outcome.files["drift"].read_bytes()))


def _kept(look: Look, document: Drift, now: Drift, workdir: Path) -> Path:
    """Put what was found into the state, and into the outbox what is worth telling."""
    watch = look.watch
    summary = {"windows": len(document["windows"]), "drifted": len(drifted(document))}
    drafts = {
        f"{watch.monitor} {window['window']}": drift_event(
            watch.monitor, _document(now, [window]), watch.notify
        )
        for window in drifted(now)
    }
    return look.keep(_OUTPUT, document, summary, drafts, workdir)


_UNKNOWN = {"method": "auto", "threshold": 0.0, "reference_rows": 0}


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
