"""What analysis knows so far: the tables and models of the blocks it has been through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct, field

from compiler.analyse.algebra.entries import Entry
from compiler.analyse.lock import Locked
from compiler.analyse.services import Problem, Services
from compiler.diagnostics import Findings, Path, Within
from compiler.graph.lineage import Lineage
from compiler.graph.node import Node, Ref
from compiler.graph.operations import Operation
from compiler.graph.types import Column, ModelType, TableType, ValueType
from specs.stack import Stack


class TableInfo(Struct, frozen=True):
    """A table block: its type, where readers find it, and its parts where it is split."""

    type: TableType
    published: Ref
    parts: dict[str, Ref] = field(default_factory=dict)
    profile: Ref | None = None


class ModelInfo(Struct, frozen=True):
    """A model block: its type, its registered version, its dataset's table.

    ``part`` is what it was evaluated on, and ``threshold`` by which label.
    """

    type: ModelType
    registered: Ref
    dataset: str
    threshold: float
    part: Ref


class Endpoint(Struct, frozen=True):
    """A deployment block: its endpoint, and the columns that name a row of its requests."""

    published: Ref
    key: tuple[Column, ...] = ()


class Scope(Struct):
    """The stage's working state; a block with errors leaves no entry, so nothing cascades.

    ``config`` is the spec as it was written, before short forms were spelt
    out; ``reads`` are the tables each dataset names, ``aliases`` what those
    are called that have another name in its SQL; ``passed`` the rules that each
    row of a table has passed, of tables that somebody asked about.
    """

    stack: Stack
    config: dict[str, Any]
    root: FilePath
    services: Services
    lock: dict[str, Locked]
    findings: Findings
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: dict[str, TableInfo] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    passed: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    by_address: dict[str, Node] = field(default_factory=dict)
    inferred: dict[str, Locked] = field(default_factory=dict)

    def blocks_read(self, dataset: str) -> tuple[str, ...]:
        """The tables that a dataset names, as they are called."""
        aliases = self.aliases.get(dataset)
        names = self.reads[dataset]
        return tuple(aliases.get(name, name) for name in names) if aliases else names

    def taken(self, name: str) -> str | None:
        """The table whose rows a dataset takes as they are; None where it makes its own."""
        dataset = self.stack.datasets.get(name)
        return None if dataset is None or dataset.clean else dataset.from_

    def add(
        self,
        address: str,
        operation: Operation,
        inputs: dict[str, Ref],
        outputs: dict[str, ValueType],
        origin: Path,
        lineage: Lineage | None = None,
    ) -> Ref:
        """Add a node; returns its first output, where it has any."""
        found = tuple(sorted(inputs.items()))
        self.take((Node(address, operation, found, tuple(outputs.items()), origin, lineage),))
        return Ref(address, next(iter(outputs), ""))

    def take(self, nodes: Iterable[Node]) -> None:
        """Add nodes as they are."""
        for node in nodes:
            self.nodes.append(node)
            self.by_address[node.address] = node

    def problems(self, problems: Iterable[Problem], path: Path) -> bool:
        """Report problems inside the text at a path; True when there were any."""
        found = False
        for problem in problems:
            found = True
            offset = problem.offset
            self.findings.report(
                problem.code,
                problem.message,
                path,
                within=None if offset is None else Within(offset, max(problem.length, 1)),
                help=tuple(problem.help),
            )
        return found
