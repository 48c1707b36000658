"""Goes back to a resource's former revision: one action, journalled like any other."""

from __future__ import annotations

from compiler.codes import Code
from compiler.diagnostics import did_you_mean, fail
from compiler.engine import rows
from compiler.engine.plan import Action, Change, Plan
from compiler.engine.project import Project
from compiler.engine.reasons import Reason
from compiler.engine.recovery import recover
from compiler.engine.rollouts import settle_rollouts
from compiler.engine.rows import NodeRow
from compiler.graph.node import Graph
from compiler.lower import Lowered


def plan_rollback(project: Project, graph: Graph, lowered: Lowered, block: str) -> Plan:
    """A plan of one action: the former revision of a block's resource is used again.

    Args:
        project: The project, open for writing; effects of an interrupted run
            are asked for first, so that a rollback that was killed is not done twice;
            a rollout that was aborted meanwhile is none to roll back.
        graph: The graph that is wanted; who is told of it stands there.
        lowered: Where the backends come from.
        block: Which block: ``deployments.late_api``.

    Raises:
        StackcError: E606 when nothing of that name with revisions is applied,
            E608 when it is rolled back already.
    """
    recover(project, graph, lowered)
    settle_rollouts(project, graph, lowered)
    row = _row(project, lowered, block)
    former = (row.attributes or {}).get("rolled_back_from")
    if former is not None:
        raise fail(
            Code.NO_FORMER_REVISION,
            f"`{block}` is rolled back already, from revision {former}",
            help="`stackc apply` deploys what the spec asks for",
        )
    change = Change(
        row.address, row.kind, row.operation, Action.ROLLBACK, row.category, row.key,
        row.input_keys, row.observed, (Reason("rolled_back", "back to the former revision"),),
    )  # fmt: skip
    state = project.state
    return Plan(state.lineage, state.serial, graph.name, graph.digest, lowered.digest, (change,))


def _row(project: Project, lowered: Lowered, block: str) -> NodeRow:
    known = {
        row.block: row
        for row in rows.nodes(project.state).values()
        if row.kind == "resource" and _keeps_revisions(lowered, row)
    }
    if block not in known:
        raise fail(
            Code.NOTHING_APPLIED,
            f"no `{block}` that could be rolled back has been applied here",
            help=did_you_mean(block, known)
            or ("what keeps revisions is a deployment; `stackc status` lists what is applied",),
        )
    return known[block]


def _keeps_revisions(lowered: Lowered, row: NodeRow) -> bool:
    return lowered.restore(row.backend, row.operation, row.settings).lowering.revisions
