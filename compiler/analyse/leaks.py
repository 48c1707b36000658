"""Leaks of the target: features that are computed from what the target is computed from."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place
from compiler.graph.atoms import Atom, Atoms
from compiler.graph.lineage import Derivation, Flow
from compiler.graph.node import Node
from compiler.graph.trace import Hop, told, way


def check_leaks(scope: Scope, atoms: Atoms, name: str) -> None:
    """Report features of a model that tell the target: errors for its own row's, else warnings."""
    node = atoms.nodes[f"models.{name}/features"]
    if node.lineage is not None:
        _check_model(scope, atoms, node, scope.stack.models[name].target)


def _check_model(scope: Scope, atoms: Atoms, node: Node, target: str) -> None:
    table = dict(node.inputs)["train"]
    told_by = atoms.of((table, target))
    if not told_by or len(told_by) != 1 or not all(atom.alone for atom in told_by):
        return
    (atom,) = told_by
    for derived in node.lineage.columns if node.lineage else ():
        for column in dict.fromkeys(origin.column for origin in derived.origins):
            found = atoms.of((table, column)) or frozenset()
            if atom in found:
                _report(scope, atoms, derived, Hop(table, column), Hop(table, target), atom)
                break
            if any(o.source == atom.source and not o.alone and not o.past for o in found):
                _warn(scope, atoms, derived, Hop(table, column), Hop(table, target), atom)
                break


def _report(
    scope: Scope, atoms: Atoms, derived: Derivation, feature: Hop, target: Hop, atom: Atom
) -> None:
    column = atom.source[1]
    scope.findings.report(
        Code.TARGET_LEAK,
        f"feature `{derived.column}` tells the target: both are computed from `{column}`",
        _where(derived),
        labels=(*_labels(atoms, feature, atom, ""), *_labels(atoms, target, atom, "the target: ")),
        help=f"when the model has to predict `{target.column}`, `{column}` is not known yet:"
        " remove the feature",
    )


def _warn(
    scope: Scope, atoms: Atoms, derived: Derivation, feature: Hop, target: Hop, atom: Atom
) -> None:
    scope.findings.report(
        Code.TARGET_AGGREGATED,
        f"feature `{derived.column}` aggregates the target `{target.column}` over rows that may"
        " be those it is tried on",
        _where(derived),
        labels=(*_labels(atoms, feature, atom, ""), *_labels(atoms, target, atom, "the target: ")),
        help="take earlier rows only: `avg(…) over (order by … rows between 30 preceding and"
        " 1 preceding)`",
    )


def _where(derived: Derivation) -> Path:
    return (derived.place or Place(())).path


def _labels(atoms: Atoms, start: Hop, atom: Atom, what: str) -> Iterator[Label]:
    """Where a column came from the atom's source, hop by hop."""

    def follow(hop: Hop) -> bool:
        found = atoms.of((hop.table, hop.column)) or ()
        return any(o.source == atom.source for o in found)

    for block, column, flow, place in told(way(atoms.nodes, start, follow)):
        if flow is not Flow.IDENTITY:
            yield Label(f"{what}computed from `{column}` of {block}", place)
