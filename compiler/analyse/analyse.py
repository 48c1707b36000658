"""The stage's straight line: names, then each block in the order of what it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.analyse.datasets import analyse_dataset, bind_ahead
from compiler.analyse.deployments import analyse_deployment
from compiler.analyse.foresight import check_foresight
from compiler.analyse.leaks import check_leaks
from compiler.analyse.lock import Locked
from compiler.analyse.models import analyse_model
from compiler.analyse.monitors import analyse_monitor, analyse_notification
from compiler.analyse.names import check_names, dependencies, levels, order, tables_read
from compiler.analyse.policies import check_policies
from compiler.analyse.predictions import analyse_prediction
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
    """The graph, and the columns that were inferred on the way and belong in the lock."""

    graph: Graph
    inferred: dict[str, Locked]


def analyse(
    stack: Stack,
    config: dict[str, Any],
    root: Path,
    services: Services,
    lock: dict[str, Locked],
    findings: Findings,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
) -> Analysed | None:
    """The graph of a spec; None where ``findings`` has errors.

    ``aliases`` are what the tables are called that the SQL of a dataset names,
    where that is something else.

    Every block is analysed even when another is wrong; one that reads a wrong
    block is passed over, so each cause is reported once.
    """
    kinds = check_names(stack, findings)
    reads = tables_read(stack, services.binder)
    scope = Scope(stack, config, root, services, lock, findings, reads, aliases or {})
    needs = dependencies(stack, kinds, {name: scope.blocks_read(name) for name in reads})
    for level in levels(order(needs, kinds, findings), needs):
        bind_ahead(scope, (name for name in level if kinds.get(name) == "datasets"))
        for name in level:
            kind, _, block = name.rpartition(".")
            _BY_KIND[kind or kinds[name]](scope, block)
    for name in sorted(stack.deployments):
        analyse_deployment(scope, name)
    for name in sorted(stack.monitors):
        analyse_monitor(scope, name)
    for name in sorted(stack.notifications):
        analyse_notification(scope, name)
    if not findings.errors:
        check_policies(scope)
        atoms = Atoms({node.address: node for node in scope.nodes})
        check_leaks(scope, atoms)
        check_foresight(scope, atoms)
    if findings.errors:
        return None
    return Analysed(Graph(ordered(scope.nodes), name=stack.name), scope.inferred)
