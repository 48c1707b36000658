"""After a crash: ask each backend for effects that were begun and not ended; never guess."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from compiler.backend import Applied
from compiler.diagnostics import StackcError
from compiler.engine import durable, journal, outbox, rows
from compiler.engine.execution import seed_of, store_applied
from compiler.engine.project import Project
from compiler.engine.tasks import Call
from compiler.graph.node import Graph
from compiler.graph.operations import Channel
from compiler.lower import Lowered


def recover(project: Project, graph: Graph, lowered: Lowered) -> tuple[str, ...]:
    """Take over the effects of an interrupted run; the addresses that were.

    An effect that its backend does not find stays open: the next action on
    that resource carries the same operation id.

    Raises:
        StackcError: A backend cannot be asked: it is gone, a secret is not
            set, a host does not answer.
    """
    entries = settle(project)
    resources = [e for e in entries if e.kind == "resource" and e.action != "delete"]
    channels = outbox.channels_of(graph)
    return tuple(e.address for e in resources if _recovered(project, lowered, e, channels))


def settle(project: Project) -> tuple[journal.Entry, ...]:
    """Clear away what a killed run left of steps; gives the entries that were in doubt."""
    _sweep_scratch(project)
    entries = journal.open_entries(project.state)
    if entries:
        with project.state.transaction(changes=False):
            journal.close_steps(project.state)
    return entries


def _recovered(
    project: Project, lowered: Lowered, entry: journal.Entry, channels: tuple[Channel, ...]
) -> bool:
    intent = entry.intent
    task = lowered.restore(intent.backend, intent.operation, intent.settings)
    workdir = project.scratch / uuid4().hex
    durable.make_folder(workdir)
    try:
        call = Call(
            task.lowering.target,
            "find",
            (entry.operation_id,),
            seed_of(project, intent, task, workdir),
        )
        found = project.workers.run(call, task.lowering.isolation, _silent)
        return isinstance(found, Applied) and _take_over(project, entry, found, workdir, channels)
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def _take_over(
    project: Project,
    entry: journal.Entry,
    found: Applied,
    workdir: Path,
    channels: tuple[Channel, ...],
) -> bool:
    if any(not Path(path).is_file() for path in found.outcome.files.values()):
        return False
    row, events = store_applied(project, entry.intent, found, workdir)
    drafts = [outbox.scrubbed(project, draft) for draft in events]
    with project.state.transaction():
        rows.put_node(project.state, replace(row, finished=rows.now()))
        journal.end(project.state, entry, "done", {"recovered": True})
        outbox.put(project.state, entry.run, entry.operation_id, drafts, channels)
    return True


def _sweep_scratch(project: Project) -> None:
    """What a killed run left behind; the writer's lock says that nobody works there."""
    if project.scratch.is_dir():
        for left in project.scratch.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                try:
                    durable.remove(left)
                except StackcError:
                    continue  # it is in nobody's way


def _silent(_text: str) -> None:
    """Asking is quick: there is no progress to show."""
