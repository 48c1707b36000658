"""The data of a report: tables with their versions and rules, splits, profiles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from compiler.graph.documents import RuleResult, Verdict, Version
from compiler.graph.node import Node
from compiler.graph.operations import (
    Clean,
    Operation,
    Profile,
    Publish,
    Quarantine,
    Query,
    ReadDatabase,
    ReadFiles,
    Score,
    Split,
    Validate,
)
from compiler.graph.types import TableType
from compiler.report.view import RunView

_CREDENTIALS = re.compile(r"//[^/@\s]*@")


class Table(Struct, frozen=True):
    """A source, dataset or prediction: where it comes from, how large it is, how it was judged.

    ``rows`` are those that readers see; ``quarantined`` were set aside.
    """

    block: str
    origin: str
    rows: int | None
    columns: int | None
    version: Version | None
    verdict: Verdict | None
    rules: tuple[RuleResult, ...]
    quarantined: int = 0

    @property
    def wide(self) -> bool:
        """Whether it has more to show than a small card holds."""
        return bool(self.rules) or len(self.origin) > 90

    @property
    def broken(self) -> int:
        """Rules that did not hold."""
        return sum(not rule["passed"] for rule in self.rules)


class Part(Struct, frozen=True):
    """One part of a split."""

    name: str
    rule: str
    rows: int | None
    share: float | None


class Parts(Struct, frozen=True):
    """A split of one dataset."""

    block: str
    parts: tuple[Part, ...]


class ColumnProfiles(Struct, frozen=True):
    """Summaries of a table's columns; ``rows`` is the longest column's count."""

    address: str
    window: str
    rows: int
    columns: tuple[Mapping[str, Any], ...]


def tables(run: RunView) -> tuple[Table, ...]:
    """Every block that makes a table: by kind, then the wide before the small."""
    blocks: dict[str, list[Node]] = {}
    for node in run.graph:
        if isinstance(node.operation, _MAKERS):
            blocks.setdefault(node.block, []).append(node)
    found = [_table(run, block, nodes) for block, nodes in blocks.items()]
    return tuple(sorted(found, key=_place))


_KINDS = ("sources", "datasets", "predictions")
_MAKERS = (ReadFiles, ReadDatabase, Query, Clean, Validate, Quarantine, Publish, Score)


def _place(table: Table) -> tuple[int, bool]:
    kind = table.block.partition(".")[0]
    return (_KINDS.index(kind) if kind in _KINDS else len(_KINDS), not table.wide)


def _table(run: RunView, block: str, nodes: list[Node]) -> Table:
    version: Version | None = None
    verdict: Verdict | None = None
    aside = 0
    for node in nodes:
        if isinstance(node.operation, Publish):
            version = run.document(node, "version") or version
        if isinstance(node.operation, Validate):
            verdict = run.document(node, "verdict") or verdict
        if isinstance(node.operation, Quarantine):
            aside = run.node(node.address).summary.get("quarantined", 0)
    rows = version["rows"] if version else _rows(run, nodes)
    if rows is None and verdict is not None:
        rows = verdict["rows"]
    origins = [origin(node.operation) for node in nodes if origin(node.operation)]
    rules = tuple(verdict["rules"]) if verdict else ()
    return Table(block, "\n".join(origins), rows, _width(nodes), version, verdict, rules, aside)


def origin(operation: Operation) -> str:
    """Where a table comes from, in a few words; credentials in a connection are left out."""
    if isinstance(operation, ReadFiles):
        return f"{operation.path} ({operation.format})"
    if isinstance(operation, ReadDatabase):
        return f"{_CREDENTIALS.sub('//…@', operation.connection)}: {operation.sql}"
    if isinstance(operation, Query):
        return operation.sql.strip()
    if isinstance(operation, Clean):
        return "cleaned: " + ", ".join(step.kind for step in operation.steps)
    return ""


def _rows(run: RunView, nodes: list[Node]) -> int | None:
    found = [run.node(node.address).summary.get("rows") for node in nodes]
    counts = [rows for rows in found if isinstance(rows, int)]
    return counts[-1] if counts else None


def _width(nodes: list[Node]) -> int | None:
    types = [made for node in nodes for _, made in node.outputs if isinstance(made, TableType)]
    return len(types[-1].columns) if types else None


def splits(run: RunView) -> tuple[Parts, ...]:
    """Every split with the rows of its parts."""
    found = []
    for node in run.graph:
        if isinstance(node.operation, Split):
            names = [name for name, _ in node.outputs]
            sizes = part_sizes(run.node(node.address).summary, names)
            total = sum(sizes.values())
            rules = _rules(node.operation)
            parts = tuple(
                Part(
                    name,
                    rules.get(name, ""),
                    sizes.get(name),
                    sizes[name] / total if total and name in sizes else None,
                )
                for name in names
            )
            found.append(Parts(node.block, parts))
    return tuple(found)


def part_sizes(summary: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Rows per part by a split's summary; parts that it does not name are left out."""
    return {name: summary[name] for name in names if isinstance(summary.get(name), int)}


def _rules(operation: Split) -> dict[str, str]:
    named = {name: f"{share:.4g} of the rows" for name, share in operation.fractions}
    return named | dict(operation.predicates)


def profiles(run: RunView) -> tuple[ColumnProfiles, ...]:
    """Every profile whose columns are known; those of datasets before a monitor's windows."""
    found = []
    for node in run.graph:
        columns = run.profiles.get(node.address)
        if isinstance(node.operation, Profile) and columns:
            window = node.operation.window
            by = " by ".join(text for text in (window.where, window.by) if text)
            rows = max(int(column["count"]) for column in columns)
            found.append(ColumnProfiles(node.address, by, rows, tuple(columns)))
    return tuple(sorted(found, key=lambda profile: profile.address.startswith("monitors.")))
