"""Takes everything away again: resources in reverse, then what is stored; the history stays."""

from __future__ import annotations

import shutil

from msgspec.structs import replace

from compiler.engine import durable, rows
from compiler.engine.apply import apply_plan
from compiler.engine.plan import Plan
from compiler.engine.planning import deletions
from compiler.engine.project import Project
from compiler.engine.recovery import recover
from compiler.engine.results import Listener, RunResult
from compiler.graph.node import Graph
from compiler.lower import Lowered

_HISTORY = (
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "state.backup.db",
    "lock",
    "events.log",
    "openlineage.jsonl",
)


def plan_destroy(project: Project, lowered: Lowered, name: str = "stack") -> Plan:
    """What would be deleted: everything that is applied.

    Args:
        project: The open project; effects of an interrupted run are asked for
            where it is writable.
        lowered: Where the backends come from; its tasks are not looked at.
        name: The stack's name, for the history.

    Raises:
        StackcError: A backend that must be asked is gone.
    """
    graph = Graph((), name=name)
    if project.writable:
        recover(project, graph, lowered)
    state = project.state
    changes = tuple(
        replace(change, reasons=(replace(change.reasons[0], text="destroy"),))
        for change in deletions(rows.nodes(state))
    )
    return Plan(state.lineage, state.serial, name, graph.digest, lowered.digest, changes)


def destroy(
    project: Project,
    lowered: Lowered,
    plan: Plan,
    listener: Listener | None = None,
) -> RunResult:
    """Carry out ``plan_destroy``'s plan; leaves the history (runs, journal, events) and no more.

    What could not be deleted stays known, and the next destroy tries again.

    Raises:
        StackcError: E604 when something was applied since the plan was made.
    """
    graph = Graph((), name=plan.stack)
    result = apply_plan(project, graph, lowered, plan, listener, command="destroy")
    if result.ok and not rows.nodes(project.state):
        _forget(project)
    return result


def _forget(project: Project) -> None:
    with project.state.transaction(changes=False):
        rows.drop_results(project.state, (), 0)
        rows.keep_stamps(project.state, ())
    for path in project.folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in _HISTORY:
            durable.remove(path)
