"""Sources held against the data they are about: the lock made anew, and what files have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.analyse.analyse import analyse
from compiler.analyse.facts import report_facts
from compiler.analyse.lock import LOCK_NAME, Locked, read_lock
from compiler.analyse.lock_environments import seen
from compiler.analyse.schema import validate
from compiler.backend import Look
from compiler.chosen import service, settings_of
from compiler.diagnostics import Diagnostic, Findings
from compiler.engine.secrets import Secrets
from compiler.graph.node import Graph
from compiler.graph.operations import ReadFiles
from compiler.load import Loaded, locate
from compiler.pipeline import Compiled, services_of, stopper
from specs.stack import Stack


def relock(loaded: Loaded) -> tuple[dict[str, Locked], dict[str, Locked]]:
    """The lock as it is, and as it would be if every source were looked at again.

    Raises:
        StackcError: What is wrong with the spec or its sources, located.
    """
    findings = Findings()
    stop = stopper(findings, loaded)
    stack = stop(validate(loaded.config, findings))
    services = stop(services_of(loaded, findings, None))
    alone = Stack(stackc=stack.stackc, name=stack.name, sources=stack.sources)
    analysed = stop(analyse(alone, loaded.config, loaded.root, services, {}, findings))
    return seen(read_lock(loaded.root / LOCK_NAME), loaded.environment), analysed.inferred


def check_contracts(compiled: Compiled, state: Path) -> Findings:
    """Hold the columns of sources in files against what the files have.

    Only files that changed since they were looked at are looked at; those that
    are elsewhere or missing, and databases, are left to the run.

    Args:
        compiled: The spec.
        state: The folder that remembers what was seen.
    """
    return _contracts(compiled.stack, compiled.graph, compiled.root, compiled.backends, state)


def _contracts(
    stack: Stack, graph: Graph, root: Path, backends: Mapping[str, Any], state: Path
) -> Findings:
    findings, aside = Findings(), Findings()
    found = {node.origin: node.operation for node in graph if isinstance(node.operation, ReadFiles)}
    # A backend that reads otherwise need not be able to compare.
    compare = service(backends, "read", "compare_files", aside) if found else None
    settings = settings_of(backends, "read", aside)
    if compare is None or settings is None:
        return findings
    look = Look(root, settings, Secrets(root).resolve)
    for origin, facts in zip(found, compare([*found.values()], state, look), strict=True):
        name = str(origin[1])
        report_facts(name, stack.sources[name], facts, findings)
    return findings


def check_lock(loaded: Loaded) -> tuple[tuple[Diagnostic, ...], tuple[str, ...]]:
    """Where files differ from their columns, and the sources that are not locked yet.

    Nothing is written.
    """
    # What opens a project is much to import, and compiling opens none.
    from compiler.engine.project import state_folder

    findings = Findings()
    stop = stopper(findings, loaded)
    stack = stop(validate(loaded.config, findings))
    services = stop(services_of(loaded, findings, None))
    alone = Stack(stackc=stack.stackc, name=stack.name, sources=stack.sources)
    lock = seen(read_lock(loaded.root / LOCK_NAME), loaded.environment)
    analysed = stop(analyse(alone, loaded.config, loaded.root, services, lock, findings))
    state = state_folder(loaded.root, loaded.environment)
    found = _contracts(alone, analysed.graph, loaded.root, loaded.backends, state)
    located = locate(found.diagnostics, loaded.provenance)
    return located, tuple(sorted(analysed.inferred))
