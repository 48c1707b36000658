"""What a column is made of, down to sources: which values, of which rows.

Two columns of a table are of one row as far as they come from one mention of
one row of a source. So a column is resolved to *atoms*: a source's column, the
mentions it went through, and whether the value of that row alone flowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from compiler.graph.lineage import Flow, Origin
from compiler.graph.node import Node, Ref
from compiler.graph.trace import derivation

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


class Atoms(Struct):
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
            above = self._above(here)
            missing = [up for up, _ in above if up not in self.known]
            if missing:
                waiting.extend(missing)
            else:
                self.known[here] = self._made(here, above)
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

    def _made(self, at: At, above: list[tuple[At, Origin]]) -> frozenset[Atom] | None:
        node = self.nodes[self.made_by(at[0]).node]
        if not node.inputs:
            return frozenset((Atom((self.made_by(at[0]), at[1]), 0),))
        if node.lineage is not None and not node.lineage.known:
            return None
        found: set[Atom] = set()
        for up, origin in above:
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
