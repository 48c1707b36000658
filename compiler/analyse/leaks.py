"""Leaks of the target: features that are computed from what the target is computed from.

Two columns of a table are of one row as far as they come from one mention of
one row of a source. So a column is resolved to *atoms*: a source's column, the
mentions it went through, and whether the value of that row alone flowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Label, Place
from compiler.graph.lineage import Derivation, Flow, Origin
from compiler.graph.node import Node, Ref
from compiler.graph.operations import FitFeatures, Train
from compiler.graph.trace import Hop, derivation, told, way

_MOST = 64
"""Atoms of one column beyond which nothing is said: it is made of too much."""

At: TypeAlias = tuple[Ref, str]


class Atom(Struct, frozen=True):
    """A column of a source that another comes from.

    ``chain`` numbers the mentions on the way, ``alone`` says that only this
    row's value flows; where rows were aggregated, ``past`` that only earlier
    ones were.
    """

    source: At
    chain: int
    alone: bool = True
    past: bool = False


class _Atoms(Struct):
    """The atoms of columns, each resolved once."""

    nodes: Mapping[str, Node]
    known: dict[At, frozenset[Atom] | None] = field(default_factory=dict)
    chains: dict[tuple[int, int], int] = field(default_factory=dict)
    tables: dict[Ref, Ref] = field(default_factory=dict)

    def of(self, at: At) -> frozenset[Atom] | None:
        """The atoms of a column; None where nothing can be said.

        Without recursion: chains of datasets may be long.
        """
        waiting = [at]
        while waiting:
            here = waiting[-1]
            if here in self.known:
                waiting.pop()
                continue
            missing = [up for up, _ in self._above(here) if up not in self.known]
            if missing:
                waiting.extend(missing)
            else:
                self.known[here] = self._made(here)
                waiting.pop()
        return self.known[at]

    def _above(self, at: At) -> list[tuple[At, Origin]]:
        table = self.made_by(at[0])
        derived = derivation(self.nodes, table, at[1])
        inputs = dict(self.nodes[table.node].inputs)
        origins = derived.origins if derived else ()
        return [((inputs[o.input], o.column), o) for o in origins if o.flow.is_direct]

    def made_by(self, table: Ref) -> Ref:
        """The node that made a table's columns, behind all that hand them on."""
        found = self.tables.get(table)
        if found is None:
            found, node = table, self.nodes[table.node]
            while node.lineage is None and "table" in (inputs := dict(node.inputs)):
                found = inputs["table"]
                node = self.nodes[found.node]
            self.tables[table] = found
        return found

    def _made(self, at: At) -> frozenset[Atom] | None:
        node = self.nodes[self.made_by(at[0]).node]
        if not node.inputs:
            return frozenset((Atom((self.made_by(at[0]), at[1]), 0),))
        if node.lineage is not None and not node.lineage.known:
            return None
        found: set[Atom] = set()
        for up, origin in self._above(at):
            atoms = self.known[up]
            if atoms is None or len(found) > _MOST:
                return None
            found |= {self._through(atom, origin) for atom in atoms}
        return frozenset(found)

    def _through(self, atom: Atom, origin: Origin) -> Atom:
        chain = atom.chain
        if origin.scan:
            chain = self.chains.setdefault((chain, origin.scan), len(self.chains) + 1)
        aggregated = origin.flow is Flow.AGGREGATION
        past = origin.past if aggregated and atom.alone else atom.past
        return Atom(atom.source, chain, atom.alone and not aggregated, past)


def check_leaks(scope: Scope) -> None:
    """Report features that tell the target: errors for its own row's, warnings for all rows'."""
    nodes = {node.address: node for node in scope.nodes}
    atoms = _Atoms(nodes)
    for node in scope.nodes:
        if isinstance(node.operation, FitFeatures) and node.lineage is not None:
            train = nodes[f"{node.block}/train"].operation
            assert isinstance(train, Train)
            _check_model(scope, atoms, node, train.target)


def _check_model(scope: Scope, atoms: _Atoms, node: Node, target: str) -> None:
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
    scope: Scope, atoms: _Atoms, derived: Derivation, feature: Hop, target: Hop, atom: Atom
) -> None:
    column = atom.source[1]
    scope.findings.report(
        Code.TARGET_LEAK,
        f"feature `{derived.column}` tells the target: both are computed from `{column}`",
        *_where(derived),
        labels=(*_labels(atoms, feature, atom, ""), *_labels(atoms, target, atom, "the target: ")),
        help=f"when the model has to predict `{target.column}`, `{column}` is not known yet:"
        " remove the feature",
    )


def _warn(
    scope: Scope, atoms: _Atoms, derived: Derivation, feature: Hop, target: Hop, atom: Atom
) -> None:
    scope.findings.report(
        Code.TARGET_AGGREGATED,
        f"feature `{derived.column}` aggregates the target `{target.column}` over rows that may"
        " be those it is tried on",
        *_where(derived),
        labels=(*_labels(atoms, feature, atom, ""), *_labels(atoms, target, atom, "the target: ")),
        help="take earlier rows only: `avg(…) over (order by … rows between 30 preceding and"
        " 1 preceding)`",
    )


def _where(derived: Derivation) -> tuple[tuple[str | int, ...]]:
    return ((derived.place or Place(())).path,)


def _labels(atoms: _Atoms, start: Hop, atom: Atom, what: str) -> Iterator[Label]:
    """Where a column came from the atom's source, hop by hop."""

    def follow(hop: Hop) -> bool:
        found = atoms.of((hop.table, hop.column)) or ()
        return any(o.source == atom.source for o in found)

    for block, column, flow, place in told(way(atoms.nodes, start, follow)):
        if flow is not Flow.IDENTITY:
            yield Label(f"{what}computed from `{column}` of {block}", place)
