"""Tries a sweep: planned against the results that are known, run, and its table kept."""

from __future__ import annotations

import os
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from compiler.diagnostics import Findings
from compiler.engine import rows, sweeps
from compiler.engine.plan import Action, Plan
from compiler.engine.planning import plan_sweep
from compiler.engine.project import Project
from compiler.engine.results import Listener, RunResult
from compiler.engine.sweeps import PointRow, SweepRow
from compiler.engine.trial import run_sweep
from compiler.graph.digest import digest
from compiler.sweep.compile import CompiledSweep
from compiler.sweep.outcomes import outcomes, waiting


class Tried(Struct, frozen=True):
    """A sweep that was tried: its row, its points, and how the run went."""

    row: SweepRow
    points: tuple[PointRow, ...]
    run: RunResult

    @property
    def ok(self) -> bool:
        """Whether every point came to its end."""
        return all(point.status == "done" for point in self.points)


def looked_at(project: Project, sweep: CompiledSweep, findings: Findings) -> Plan:
    """The plan of a sweep.

    Raises:
        StackcError: What observers report: a missing file, a host that does not answer.
    """
    return plan_sweep(project, sweep.graph, sweep.lowered, findings)


def carry_out(
    project: Project,
    sweep: CompiledSweep,
    plan: Plan,
    listener: Listener | None = None,
    series: str | None = None,
) -> Tried:
    """Run what of a sweep is not known yet, and keep what came of each point.

    Killed anywhere, the same again goes on from there: what finished is known
    by its key. Sweeps of one ``series`` are kept as one, which grows by their
    points.

    Raises:
        StackcError: E607 or E712 when the run cannot even be written down.
    """
    state = project.state
    row = _row(sweep, project, series)
    drafts = waiting(sweep, plan)
    earlier = _earlier(project, row, drafts) if series is not None else ()
    drafts = _numbered(drafts, earlier)
    with state.transaction(changes=False):
        row = sweeps.begin(state, row, (*earlier, *drafts))
    run = run_sweep(project, sweep.graph, sweep.lowered, plan, listener)
    found = _numbered(outcomes(project, sweep, plan, run), earlier)
    status = "done" if run.status == "nothing" else run.status
    with state.transaction(changes=False):
        ended = replace(row, status=status, run=run.id or row.run)
        row = sweeps.end(state, ended, (*earlier, *found))
    return Tried(row, found, run)


def _earlier(project: Project, row: SweepRow, drafts: tuple[PointRow, ...]) -> tuple[PointRow, ...]:
    """The points of a series so far; one that is tried again gives its place up."""
    known = sweeps.sweep_of(project.state, row.id)
    again = {draft.overrides for draft in drafts}
    points = sweeps.points(project.state, known.number) if known is not None else ()
    return tuple(point for point in points if point.overrides not in again)


def _numbered(points: tuple[PointRow, ...], earlier: tuple[PointRow, ...]) -> tuple[PointRow, ...]:
    """The points with numbers that no earlier one has: the first that are free."""
    if not earlier:
        return points
    taken = {point.number for point in earlier}
    free = (number for number in count(1) if number not in taken)
    return tuple(replace(point, number=next(free)) for point in points)


def _row(sweep: CompiledSweep, project: Project, series: str | None) -> SweepRow:
    identity = sweep.id if series is None else digest([sweep.graph.name, series])
    known = sweeps.sweep_of(project.state, identity)
    dirs = tuple(os.path.relpath(folder.resolve(), project.root) for folder in sweep.config_dirs)
    return SweepRow(
        0,
        identity,
        sweep.graph.name,
        sweep.overrides if series is None else (series,),
        dirs,
        rows.now(),
        None,
        "running",
        known.run if known is not None else "",
    )


class Counted(Struct, frozen=True):
    """How much work a sweep is.

    Attributes:
        points: How many points.
        nodes: Distinct nodes.
        apart: How many they were if no point shared any.
        shared: Nodes that more than one point needs.
        common: Nodes that all points need.
        done: Nodes whose result is known already.
        run: Nodes that have to run.
        left: For each point what of it has to run, in order.
    """

    points: int
    nodes: int
    apart: int
    shared: int
    common: int
    done: int
    run: int
    left: tuple[tuple[str, ...], ...]


def counted(sweep: CompiledSweep, plan: Plan) -> Counted:
    """What a plan makes of a sweep."""
    own = [set(point.addresses.values()) for point in sweep.points]
    holders = {node.address: 0 for node in sweep.graph}
    for addresses in own:
        for address in addresses:
            holders[address] += 1
    work = [change.address for change in plan.changes if change.action is not Action.REUSE]
    return Counted(
        len(own),
        len(holders),
        sum(map(len, own)),
        sum(count > 1 for count in holders.values()),
        sum(count == len(own) for count in holders.values()),
        len(plan.changes) - len(work),
        len(work),
        tuple(tuple(a for a in work if a in addresses) for addresses in own),
    )
