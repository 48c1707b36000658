"""Carries out a sweep's plan: the same run as an apply, of results alone."""

from __future__ import annotations

from compiler.engine.commit import SweepLedger, new_run
from compiler.engine.lanes import lanes_of
from compiler.engine.plan import Action, Plan
from compiler.engine.project import Project
from compiler.engine.quiet import quiet
from compiler.engine.results import Listener, RunResult
from compiler.engine.run import Run
from compiler.graph.node import Graph
from compiler.lower import Lowered

COMMAND = "sweep"
"""What the history calls such a run."""


def run_sweep(
    project: Project,
    graph: Graph,
    lowered: Lowered,
    plan: Plan,
    listener: Listener | None = None,
) -> RunResult:
    """Carry out a plan that ``plan_sweep`` made of this graph.

    A failed action stops only what reads its outputs; trainings stand side by
    side and share the threads, which changes no result. Nothing is run, and no
    run is written down, where all of it is known already.

    Raises:
        StackcError: E607 or E712 when the run cannot even be written down.
    """
    if all(change.action is Action.REUSE for change in plan.changes):
        return RunResult("", "nothing")
    ledger = SweepLedger(project.state, project.store, new_run(graph, COMMAND))
    told = listener or Listener()
    with quiet(project.folder / "logs" / "run.log", project.secrets):
        lanes = lanes_of(plan, lowered, project.workers.limits)
        return Run(project, graph, lowered, plan, told, ledger, {}, lanes).go()
