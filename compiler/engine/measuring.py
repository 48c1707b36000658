"""Judges how good the answers of live windows were, once labels came: each window once."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from compiler.backend import AnsweredWindow, Artifact, Outcome
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import rows
from compiler.engine.alerts import dropped, performance_event, performance_of
from compiler.engine.looking import MOST_WINDOWS, Look
from compiler.graph.documents import Performance, WindowPerformance
from compiler.graph.operations import Deploy, Measure
from compiler.graph.types import TableType

_OUTPUT = "performance"
LABELS = "labels"
"""The input that has the labels; every other one is a window's answers, by its name."""


class Waiting(Struct, frozen=True):
    """A window that waits for labels: what it is so far, and until when, in words."""

    window: WindowPerformance
    until: str


class Measured(Struct, frozen=True):
    """The windows measured just now, and those that wait for labels."""

    performance: Performance
    waiting: tuple[Waiting, ...] = ()


class Memory(Struct, frozen=True):
    """A window that waits, as it was measured by these labels: no look need do it again."""

    labels: str
    window: WindowPerformance


def measure(
    look: Look,
    answers: Sequence[AnsweredWindow],
    workdir: Path,
    memory: MutableMapping[str, Memory],
) -> Measured | None:
    """Judge each window that is fully labelled, or has waited long enough.

    Returns:
        What was found; None where the monitor awaits no labels.

    Raises:
        StackcError: The labels are gone from the store (E702), or cannot be held
            against the answers.
    """
    wanted = look.watch.measure
    if wanted is None:
        return None
    before: Performance = look.document(_OUTPUT) or performance_of(wanted, [])
    known = {window["window"] for window in before["windows"]}
    again = tuple(window.label for window in answers if window.label in known)
    new = [window for window in answers if window.label not in known]
    found = _found(look, wanted, new, workdir, memory)
    done, waiting = _sorted(new, found, look.watch.within_s)
    now = performance_of(wanted, done)
    if done or again:
        windows = [*before["windows"], *done][-MOST_WINDOWS:]
        path = _kept(look, performance_of(wanted, windows), now, workdir)
        labels = (*again, *(window["window"] for window in done))
        look.ask("measured", (labels, path), workdir)
    return Measured(now, waiting)


def _found(
    look: Look,
    wanted: Measure,
    windows: Sequence[AnsweredWindow],
    workdir: Path,
    memory: MutableMapping[str, Memory],
) -> dict[str, WindowPerformance]:
    """Each window held against the labels as they were applied last."""
    labels = _labels(look, wanted)
    known = {
        window.label: seen.window
        for window in windows
        if (seen := memory.get(f"{look.row.block} {window.label}")) and seen.labels == labels.digest
    }
    new = [window for window in windows if window.label not in known]
    if not new:
        return known
    kind = TableType(())
    inputs = {window.label: Artifact(window.folder, "", kind) for window in new}
    task = look.lowered.restore(*_predicts(look))
    outcome: Outcome = look.run(task, None, (wanted, {**inputs, LABELS: labels}), workdir)
    found: Performance = json.loads(outcome.files[_OUTPUT].read_bytes())
    for window in found["windows"]:
        memory[f"{look.row.block} {window['window']}"] = Memory(labels.digest, window)
    return known | {window["window"]: window for window in found["windows"]}


def _labels(look: Look, wanted: Measure) -> Artifact:
    """The labels as they were applied last; raises StackcError (E702) where they are gone."""
    address, _, output = look.row.inputs[LABELS].partition(":")
    stored = rows.nodes(look.project.state)[address].outputs[output]
    path = look.project.store.get(stored.digest, stored.suffix)
    if path is None:
        raise fail(
            Code.SOURCE_UNREADABLE,
            f"the labels `{wanted.label}` of `{look.row.block}` are gone from the store",
            help="apply again to read them anew",
        )
    return Artifact(path, stored.digest, TableType(()))


def _predicts(look: Look) -> tuple[str, str, dict[str, object]]:
    """Who measures: the backend that gave the deployment its golden answers."""
    nodes = rows.nodes(look.project.state)
    deployed = nodes[look.row.inputs["endpoint"].split(":")[0]]
    assert deployed.operation == Deploy.__name__
    golden = nodes[deployed.inputs["golden"].split(":")[0]]
    return golden.backend, Measure.__name__, dict(golden.settings)


def _sorted(
    windows: Sequence[AnsweredWindow], found: dict[str, WindowPerformance], within_s: int
) -> tuple[list[WindowPerformance], tuple[Waiting, ...]]:
    """The windows that are judged now, and those that wait."""
    done: list[WindowPerformance] = []
    waiting: list[Waiting] = []
    for window in windows:
        measured = found[window.label]
        until = window.end + within_s
        if measured["labelled"] == measured["rows"] or time.time() >= until:
            done.append(measured)
        else:
            waiting.append(Waiting(measured, _moment(until)))
    return done, tuple(waiting)


def _kept(look: Look, document: Performance, now: Performance, workdir: Path) -> Path:
    """Put what was found into the state, and into the outbox what is worth telling."""
    watch = look.watch
    drafts = {
        f"{watch.monitor} {window['window']} {_OUTPUT}": performance_event(
            watch.monitor, msgspec.convert({**now, "windows": [window]}, Performance), watch.notify
        )
        for window in dropped(now)
    }
    summary = {"dropped": len(dropped(document))}
    return look.keep(_OUTPUT, document, summary, drafts, workdir)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
