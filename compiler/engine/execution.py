"""Runs one action of a plan: inputs verified, the backend called, its outputs stored."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from uuid import uuid4

from msgspec import Struct, field
from msgspec.structs import replace

from compiler.backend import Applied, Artifact, EventDraft, Outcome
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable
from compiler.engine.journal import Entry
from compiler.engine.plan import Action, Change
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow, now
from compiler.engine.store import Stored
from compiler.engine.tasks import Call, Seed, plain
from compiler.graph.digest import canonical, keyed
from compiler.graph.node import Node
from compiler.graph.types import SUFFIXES, ValueType
from compiler.lower import LoweredTask


class InputDamaged(Exception):
    """An input is not in the store as it was made: ``producer`` must make it again."""

    def __init__(self, producer: str, output: str) -> None:
        super().__init__(f"{producer}:{output}")
        self.producer = producer
        self.output = output


class Input(Struct, frozen=True):
    """One input of a job: who made it, what it is, and the type of the value."""

    producer: str
    output: str
    stored: Stored
    type: ValueType


class Job(Struct, frozen=True):
    """One action, with all it needs; nothing of the state is touched while it runs.

    ``node`` and ``task`` are None for a deletion and for a rollback. ``old`` is
    what a replaced, deleted or rolled back resource was, and ``old_task`` what it
    was made by. ``threads`` are its own where several trainings stand side by
    side; else all there are.
    """

    change: Change
    entry: Entry
    node: Node | None = None
    task: LoweredTask | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    old: NodeRow | None = None
    old_task: LoweredTask | None = None
    threads: int | None = None


class Made(Struct, frozen=True):
    """What a job leaves to be committed; ``row`` is None after a deletion."""

    row: NodeRow | None
    events: tuple[EventDraft, ...]
    seconds: float


def intent_of(node: Node, change: Change, task: LoweredTask, run: str) -> NodeRow:
    """The row that an action means to leave; outputs are named, their digests still unknown."""
    operation = type(node.operation)
    outputs = {name: Stored("", 0, SUFFIXES[type(kind)]) for name, kind in node.outputs}
    return NodeRow(
        address=node.address, key=change.key, kind=operation.kind, operation=operation.__name__,
        version=operation.version, parameters=canonical(keyed(node.operation)).decode(),
        inputs={name: str(ref) for name, ref in node.inputs}, input_keys=change.input_keys,
        observed=change.observed, capability=operation.capability, category=operation.category,
        backend=task.backend, settings=task.settings.model_dump(mode="json"), outputs=outputs,
        run=run,
    )  # fmt: skip


def perform(project: Project, job: Job, progress: Callable[[str], None]) -> Made:
    """Run a job to its end.

    Raises:
        StackcError: What the backend reports, E711, E712 or E799.
        InputDamaged: An input must be made again first.
    """
    began = time.monotonic()
    workdir = project.scratch / uuid4().hex
    with durable.guarded(workdir):
        workdir.mkdir(parents=True)
    try:
        if job.change.action is Action.DELETE:
            _delete(project, job, workdir, progress)
            return Made(None, (), time.monotonic() - began)
        make = _roll_back if job.change.action is Action.ROLLBACK else _make
        row, events = make(project, job, workdir, progress)
        seconds = time.monotonic() - began
        return Made(replace(row, seconds=seconds, finished=now()), events, seconds)
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


@contextmanager
def scratch_folder(project: Project) -> Iterator[Path]:
    """A folder for one look of the engine's own, removed after it."""
    workdir = project.scratch / uuid4().hex
    durable.make_folder(workdir)
    try:
        yield workdir
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def seed_of(
    project: Project,
    row: NodeRow,
    task: LoweredTask,
    workdir: Path,
    threads: int | None = None,
) -> Seed:
    """The context of a task that works on a row; ``threads`` are all there are by default."""
    limits = project.workers.limits
    return Seed(
        row.address, row.key, dict(row.input_keys), row.observed, project.root, project.folder,
        workdir, threads or limits.threads, limits.memory, task.settings,
    )  # fmt: skip


def store_outcome(
    project: Project, intent: NodeRow, outcome: Outcome, workdir: Path
) -> tuple[NodeRow, tuple[EventDraft, ...]]:
    """Take a task's files into the store; the row that says so, and its events.

    Raises:
        StackcError: E712 for a full disk, E799 when the files are not what the
            operation promises.
    """
    if set(outcome.files) != set(intent.outputs):
        raise _broken(intent, f"made {sorted(outcome.files)}, not {sorted(intent.outputs)}")
    outputs: dict[str, Stored] = {}
    for name, promised in intent.outputs.items():
        path = Path(outcome.files[name])
        try:
            own = path.parent.resolve().is_relative_to(workdir.resolve())
            outputs[name] = project.store.put(path, promised.suffix, move=own)
        except (ValueError, FileNotFoundError) as error:
            raise _broken(intent, f"gave no plain file for `{name}`") from error
    summary = project.secrets.scrub_data(plain(dict(outcome.summary)))
    return replace(intent, outputs=outputs, summary=summary), outcome.events


def _make(
    project: Project, job: Job, workdir: Path, progress: Callable[[str], None]
) -> tuple[NodeRow, tuple[EventDraft, ...]]:
    assert job.node is not None  # only deletions come without
    assert job.task is not None
    inputs = {name: _artifact(project, value) for name, value in job.inputs.items()}
    lowering, intent = job.task.lowering, job.entry.intent
    if job.change.action is Action.REPLACE:
        _delete(project, job, workdir, progress)
    arguments: tuple[object, ...] = (job.node.operation, inputs)
    is_step = intent.kind == "step"
    if not is_step:
        arguments = (*arguments, job.entry.operation_id)
    call = Call(
        lowering.target,
        None if is_step else "apply",
        arguments,
        seed_of(project, intent, job.task, workdir, job.threads),
    )
    if not is_step:
        return _applied(project, job, call, lowering.isolation, workdir, progress)
    durable.point("task.begin")
    made = project.workers.run(call, lowering.isolation, progress)
    durable.point("task.done")
    if not isinstance(made, Outcome):
        raise _broken(intent, "gave no outcome")
    _unmoved(project, job, workdir)
    return store_outcome(project, intent, made, workdir)


def _applied(
    project: Project,
    job: Job,
    call: Call,
    isolation: Literal["thread", "process"],
    workdir: Path,
    progress: Callable[[str], None],
) -> tuple[NodeRow, tuple[EventDraft, ...]]:
    """Carry out an effect on a resource; the row that finds it again, and its events."""
    intent = job.entry.intent
    durable.point("task.begin")
    made = project.workers.run(call, isolation, progress)
    durable.point("task.done")
    if not isinstance(made, Applied):
        raise _broken(intent, "gave no applied resource")
    return store_applied(project, intent, made, workdir)


def _roll_back(
    project: Project, job: Job, workdir: Path, progress: Callable[[str], None]
) -> tuple[NodeRow, tuple[EventDraft, ...]]:
    assert job.old_task is not None  # only what was applied is rolled back
    intent, lowering = job.entry.intent, job.old_task.lowering
    arguments = (intent.attributes or {}, job.entry.operation_id)
    call = Call(
        lowering.target, "rollback", arguments, seed_of(project, intent, job.old_task, workdir)
    )
    return _applied(project, job, call, lowering.isolation, workdir, progress)


def _unmoved(project: Project, job: Job, workdir: Path) -> None:
    """What was read must still be what the plan saw, or its result would lie under a wrong key."""
    intent, node, task = job.entry.intent, job.node, job.task
    assert node is not None
    assert task is not None
    observer = task.lowering.observer
    if not type(node.operation).observes or observer is None:
        return
    seed = seed_of(project, intent, task, workdir)
    last = job.old.observed if job.old is not None else None
    call = Call(observer, None, (node.operation,), replace(seed, key="", observed=last))
    found = project.workers.run(call, "thread", lambda _text: None)
    if (None if found is None else str(found)) != job.change.observed:
        raise fail(
            Code.SOURCE_UNREADABLE,
            f"what `{intent.address}` looks at has changed while it was at work",
            help="apply again when nothing is writing there",
        )


def store_applied(
    project: Project, intent: NodeRow, made: Applied, workdir: Path
) -> tuple[NodeRow, tuple[EventDraft, ...]]:
    """Take a resource's files into the store; the row that finds it again, and its events."""
    row, events = store_outcome(project, intent, made.outcome, workdir)
    attributes = project.secrets.scrub_data(plain(dict(made.attributes)))
    return replace(row, attributes=attributes), events


def _delete(project: Project, job: Job, workdir: Path, progress: Callable[[str], None]) -> None:
    """Delete what a row stands for; a step is only forgotten."""
    row, task = job.old, job.old_task
    if row is None or row.kind == "step" or task is None:
        return
    operation_id = job.entry.operation_id
    if job.change.action is Action.REPLACE:
        operation_id += "-old"
    arguments = (row.attributes or {}, operation_id)
    call = Call(task.lowering.target, "delete", arguments, seed_of(project, row, task, workdir))
    durable.point("task.begin")
    project.workers.run(call, task.lowering.isolation, progress)
    durable.point("task.done")


def _artifact(project: Project, value: Input) -> Artifact:
    path = project.store.get(value.stored.digest, value.stored.suffix)
    if path is None:
        raise InputDamaged(value.producer, value.output)
    return Artifact(path, value.stored.digest, value.type)


def _broken(intent: NodeRow, how: str) -> StackcError:
    return fail(
        Code.INTERNAL,
        f"the backend `{intent.backend}` {how} for `{intent.address}`",
        help="this is a bug of that backend; nothing of this step was kept",
    )
