"""The task Measure: answers that were given, held against the labels that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.duckdb.connection import session
from backends.models.answered import Kept, kept
from backends.models.joined import Joined, join_kept, join_table, labelled_by
from backends.models.metrics import evaluate
from backends.models.predict import Predictor
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.engine.alerts import performance_of
from compiler.graph.digest import canonical
from compiler.graph.documents import WindowPerformance
from compiler.graph.operations import Measure
from compiler.graph.types import Task
from specs.metrics import METRICS

LABELS, MODEL, ANSWERS = "labels", "model", "answers"


def run(operation: Measure, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Write ``performance``.

    With a ``model`` the ``answers`` are a table that it has predicted, one window of all.
    Without one there is a window for each input but ``labels``: a folder of files, as who
    serves has kept them.

    Raises:
        StackcError: E710 for what cannot be joined, E712 for a full disk, E715 where the
            model cannot be read.
    """
    if MODEL in inputs:
        windows = [_of_table(operation, inputs, context)]
    else:
        windows = _of_windows(operation, inputs, context)
    path = context.workdir / "performance.json"
    path.write_bytes(canonical(performance_of(operation, windows)))
    summary = {"rows": sum(w["rows"] for w in windows), "labelled": _labelled(windows)}
    value = {operation.metric: windows[0]["value"]} if MODEL in inputs else {}
    return Outcome({"performance": path}, {**summary, **value})


def _labelled(windows: Sequence[WindowPerformance]) -> int:
    return sum(window["labelled"] for window in windows)


def _of_table(
    operation: Measure, inputs: Mapping[str, Artifact], context: TaskContext
) -> WindowPerformance:
    classes = Predictor.open(inputs[MODEL].path).classes
    answers, labels = inputs[ANSWERS].path, inputs[LABELS].path
    with session(context, [answers, labels]) as connection:
        labelled_by(connection, labels)
        joined, left_out = join_table(operation, answers, classes, connection)
    return _window(operation, "", joined, left_out)


def _of_windows(
    operation: Measure, inputs: Mapping[str, Artifact], context: TaskContext
) -> list[WindowPerformance]:
    labels = inputs[LABELS].path
    windows = {name: [*kept(found.path)] for name, found in inputs.items() if name != LABELS}
    reads = [labels, *(file.path for files in windows.values() for file in files)]
    found = []
    with session(context, reads) as connection:
        labelled_by(connection, labels)
        for name, files in windows.items():
            usable = _usable(operation, files)
            joined = join_kept(operation, usable, connection)
            unused = sum(file.rows for file in files) - joined.rows
            left_out = sum(file.said.left_out for file in files) + unused
            found.append(_window(operation, name, joined, left_out))
    return found


def _usable(operation: Measure, files: Sequence[Kept]) -> list[Kept]:
    """The files that have what the monitor asks for now: another one may have had them written.

    Of two models that tell other classes apart, the one that answered last is measured.
    """
    wants = METRICS[operation.metric].scores
    found = [
        file
        for file in files
        if file.said.key == operation.key
        and file.said.task is operation.task
        and (file.scores or not wants)
    ]
    if operation.task is not Task.BINARY or not found:
        return found
    last = max(found, key=lambda file: file.path.stat().st_mtime_ns)
    return [file for file in found if file.said.classes == last.said.classes]


def _window(operation: Measure, window: str, joined: Joined, left_out: int) -> WindowPerformance:
    """The verdict on some answers; too few labelled ones are told and not judged."""
    labelled = len(joined.truth) + joined.strange
    value = _measured(operation, joined) if labelled >= operation.min_rows else None
    return WindowPerformance(
        window=window,
        metric=operation.metric,
        bound=operation.bound,
        rows=joined.rows,
        labelled=labelled,
        left_out=left_out,
        strange=joined.strange,
        value=value,
        dropped=value is not None and _beyond(operation, value),
        detail=_detail(operation, joined, labelled, value),
    )


def _measured(operation: Measure, joined: Joined) -> float | None:
    """The metric, by the code that evaluates; labels were told by the threshold already."""
    names = (operation.metric,)
    found = evaluate(names, operation.task.value, joined.truth, joined.scores)
    return found[operation.metric]


def _beyond(operation: Measure, value: float) -> bool:
    higher = METRICS[operation.metric].better == "higher"
    return value < operation.bound if higher else value > operation.bound


def _detail(operation: Measure, joined: Joined, labelled: int, value: float | None) -> str:
    if not joined.rows:
        return "no answer has a key"
    if not labelled:
        return "no label has come"
    if labelled < operation.min_rows:
        return f"fewer than {operation.min_rows} labelled rows"
    if value is None:
        return f"{operation.metric} is undefined for these rows"
    if joined.strange:
        return f"{joined.strange:,} with a label that the model does not know"
    return ""
