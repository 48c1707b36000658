"""Carries out a plan, or tells only what is left to tell when there is nothing to do."""

from __future__ import annotations

from msgspec.structs import replace

from compiler.codes import Code
from compiler.diagnostics import Findings, StackcError, fail
from compiler.engine import outbox, rows, telling
from compiler.engine.commit import Ledger, new_run
from compiler.engine.plan import Plan
from compiler.engine.project import Project
from compiler.engine.quiet import quiet
from compiler.engine.results import Listener, RunResult
from compiler.engine.run import Run
from compiler.graph.node import Graph
from compiler.lower import Lowered


def apply_plan(
    project: Project,
    graph: Graph,
    lowered: Lowered,
    plan: Plan,
    listener: Listener | None = None,
    *,
    command: str = "apply",
) -> RunResult:
    """Carry out a plan that ``make_plan`` made of this graph, and tell the channels.

    A failed action stops only what reads its outputs; what finished stays. An
    interrupt (Ctrl-C, SIGTERM) ends workers and leaves a state that the next
    apply goes on from. Failures are in the result; nothing is raised for them.

    Raises:
        StackcError: E604 when the plan is not of this state and graph, E607 or
            E712 when the run cannot even be written down.
    """
    _check(project, graph, plan)
    log = project.folder / "logs" / "run.log"
    with quiet(log, project.secrets):
        if plan.empty and not _cut_short(project):
            findings = Findings()
            outbox.deliver(project, graph, lowered, findings)
            telling.tell_runs(project, graph, lowered, findings, ())
            return RunResult("", "nothing", diagnostics=tuple(findings.diagnostics))
        state = project.state
        ledger = Ledger(state, project.store, new_run(graph, command), outbox.channels_of(graph))
        told = listener or Listener()
        result = Run(project, graph, lowered, plan, told, ledger, rows.nodes(state)).go()
        return _told(project, graph, lowered, result)


def _told(project: Project, graph: Graph, lowered: Lowered, result: RunResult) -> RunResult:
    """Tell the channels what happened; a channel that fails is a warning of the run."""
    if result.status == "interrupted":
        return result
    findings = Findings()
    try:
        outbox.deliver(project, graph, lowered, findings)
        telling.tell_runs(project, graph, lowered, findings, telling.untold(project, graph))
    except StackcError as error:
        findings.add(error.diagnostics)
    return replace(result, diagnostics=(*result.diagnostics, *findings.diagnostics))


def _cut_short(project: Project) -> bool:
    """Whether the last run did not come to its end, so that nobody was told of it."""
    last = rows.runs(project.state, 1)
    return bool(last) and last[0].status in ("running", "interrupted")


def _check(project: Project, graph: Graph, plan: Plan) -> None:
    found = (project.state.lineage, project.state.serial, graph.digest)
    if found != (plan.lineage, plan.serial, plan.graph):
        raise fail(
            Code.PLAN_STALE,
            "the plan is stale: the spec or the state has changed since it was made",
            help="plan again, and apply that",
        )
