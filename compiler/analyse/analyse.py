"""The stage's straight line: names, then each block in the order of what it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.analyse.datasets import analyse_dataset, bind_ahead
from compiler.analyse.deployments import analyse_deployment
from compiler.analyse.foresight import check_foresight
from compiler.analyse.leaks import check_leaks
from compiler.analyse.lock import Locked
from compiler.analyse.memory import Memory, Recall, Record
from compiler.analyse.models import analyse_model
from compiler.analyse.monitors import analyse_monitor, analyse_notification
from compiler.analyse.names import (
    check_names,
    dependencies,
    order,
    read_ahead,
    tables_read,
)
from compiler.analyse.policies import check_policies
from compiler.analyse.predictions import analyse_prediction
from compiler.analyse.schedule import Schedule
from compiler.analyse.scope import Scope
from compiler.analyse.services import Services
from compiler.analyse.sources import analyse_source
from compiler.diagnostics import Findings
from compiler.graph.atoms import Atoms
from compiler.graph.node import Graph, ordered
from specs.stack import Stack

_BY_KIND: dict[str, Callable[[Scope, str], None]] = {
    "sources": analyse_source,
    "datasets": analyse_dataset,
    "models": analyse_model,
    "predictions": analyse_prediction,
}


class Analysed(Struct, frozen=True):
    """The graph, and what is worth keeping of the way to it.

    Attributes:
        graph: Every block's nodes.
        inferred: The columns that belong in the lock.
        records: What may be recalled of blocks, by key.
        reads: For each query the tables that it names.
    """

    graph: Graph
    inferred: dict[str, Locked]
    records: dict[str, Record]
    reads: dict[str, tuple[str, ...]]


def analyse(
    stack: Stack,
    config: dict[str, Any],
    root: Path,
    services: Services,
    lock: dict[str, Locked],
    findings: Findings,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
    memory: Memory | None = None,
) -> Analysed | None:
    """The graph of a spec; None where ``findings`` has errors.

    ``aliases`` are what the tables are called that the SQL of a dataset names,
    where that is something else; ``memory`` is what was found before.

    Every block is analysed even when another is wrong; one that reads a wrong
    block is passed over, so each cause is reported once.
    """
    memory = memory or Memory()
    kinds = check_names(stack, findings)
    reads = tables_read(stack, services.binder, memory.tables)
    scope = Scope(stack, config, root, services, lock, findings, reads, aliases or {})
    needs = dependencies(stack, kinds, {name: scope.blocks_read(name) for name in reads})
    recall = Recall(scope, memory, needs)
    sequence = order(needs, kinds, findings)
    recall.all_of(sequence, kinds)
    _analyse_tables(recall, sequence, kinds)
    _analyse_uses(scope)
    if not findings.errors:
        check_policies(scope)
        _check_models(recall)
    if findings.errors:
        return None
    graph = Graph(ordered(scope.nodes), name=stack.name, known=recall.known())
    sql = {d.sql: reads[name] for name, d in stack.datasets.items() if d.sql}
    return Analysed(graph, scope.inferred, recall.made(), sql)


def _analyse_tables(recall: Recall, sequence: Sequence[str], kinds: Mapping[str, str]) -> None:
    """Tables and models, each behind what it reads, but for those that were recalled."""
    scope, known = recall.scope, set(recall.records)
    fresh = [name for name in sequence if name not in known]
    read_ahead(scope.stack, scope.services.binder, set(fresh))
    queries = {name for name, dataset in scope.stack.datasets.items() if dataset.sql}
    schedule = Schedule(recall.needs, queries, partial(bind_ahead, scope))
    for name in schedule.turns(fresh):
        kind, _, block = name.rpartition(".")
        recall.record(name, partial(_BY_KIND[kind or kinds[name]], scope, block))


def _analyse_uses(scope: Scope) -> None:
    """What uses tables and models, and is used by no table."""
    for name in sorted(scope.stack.deployments):
        analyse_deployment(scope, name)
    for name in sorted(scope.stack.monitors):
        analyse_monitor(scope, name)
    for name in sorted(scope.stack.notifications):
        analyse_notification(scope, name)


def _check_models(recall: Recall) -> None:
    """What only the whole way to a model tells of it."""
    scope = recall.scope
    atoms = Atoms(scope.by_address)
    for name in scope.stack.models:

        def look(name: str = name) -> None:
            check_leaks(scope, atoms, name)
            check_foresight(scope, atoms, name)

        recall.check(f"models.{name}", look)
