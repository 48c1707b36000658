"""Sweeps of the toy backend: points of a graph that needs no spec, all in threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from compiler.diagnostics import Findings
from compiler.engine import sweeps
from compiler.engine.plan import Plan
from compiler.engine.project import open_project
from compiler.engine.results import Listener
from compiler.graph.node import Graph, Node
from compiler.load import Provenance
from compiler.load.points import Point
from compiler.lower import Lowered
from compiler.passes.detach import detach
from compiler.passes.join import join
from compiler.pipeline import Compiled
from compiler.source import Sources
from compiler.sweep.carry import Tried, carry_out, looked_at
from compiler.sweep.compile import CompiledSweep, SweepPoint
from specs.stack import Stack
from tests.engine.support import LIMITS, graph, lowered, node
from tests.engine.toybackend import Add, Heavy, Numbers, Shelve


def stack(amount: int, *more: Node, mood: str | None = None) -> Graph:
    """numbers → shelf → plus → double → shelf; only ``amount`` tells one point from another."""
    last = Add(1) if mood is None else Heavy(mood)
    return graph(
        node("sources.numbers/read", Numbers("numbers.txt")),
        node("sources.numbers/publish", Shelve("numbers"), table="sources.numbers/read"),
        node("datasets.plus/query", Add(amount), table="sources.numbers/publish"),
        node("models.double/train", last, table="datasets.plus/query"),
        node("models.double/register", Shelve("double"), table="models.double/train"),
        *more,
    )


def toy_sweep(root: Path, graphs: Sequence[Graph]) -> CompiledSweep:
    """The sweep of so many points, one for each stack."""
    alone = [detach(one) for one in graphs]
    found = join(alone, range(1, len(alone) + 1))
    points = tuple(
        SweepPoint(_point(number), _compiled(root, one), addresses)
        for number, (one, addresses) in enumerate(zip(alone, found.addresses, strict=True), 1)
    )
    tasks = lowered(found.graph)
    overrides = tuple(f"n={len(graphs)}" for _ in "x")
    return CompiledSweep(points, found.graph, tasks, Sources(), root, overrides, (), ())


def _point(number: int) -> Point:
    return Point(number, (f"n={number}",), (("n", number),))


def _compiled(root: Path, wanted: Graph) -> Compiled:
    spec = Stack(stackc=1, name="toys")
    tasks = Lowered({}, {})
    return Compiled(spec, wanted, tasks, Provenance(()), Sources(), root, {}, ())


def look(root: Path, sweep: CompiledSweep) -> Plan:
    """What there is to do, looking only."""
    with open_project(root, write=False, limits=LIMITS) as project:
        return looked_at(project, sweep, Findings())


def attempt(root: Path, sweep: CompiledSweep, listener: Listener | None = None) -> Tried:
    """Plan and try."""
    with open_project(root, write=True, limits=LIMITS) as project:
        plan = looked_at(project, sweep, Findings())
        return carry_out(project, sweep, plan, listener)


def kept(root: Path) -> Mapping[str, Any]:
    """What the state keeps of sweeps, but for its times."""
    with open_project(root, write=False) as project:
        rows = sweeps.sweeps(project.state)
        return {
            f"sweep {row.number}": (
                replace(row, began="", ended=None, run=""),
                [replace(p, seconds=0.0) for p in sweeps.points(project.state, row.number)],
            )
            for row in rows
        }
