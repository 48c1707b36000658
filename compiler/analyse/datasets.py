"""Datasets: SQL typed by the binder, cleaning and split checked, and their nodes."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.analyse.algebra.splits import check_split
from compiler.analyse.cleaning import analyse_cleaning
from compiler.analyse.columns import known_column
from compiler.analyse.policies import profiled
from compiler.analyse.rules import publish
from compiler.analyse.scope import Scope, TableInfo
from compiler.analyse.tags import flowed
from compiler.diagnostics import Path
from compiler.graph.lineage import placed
from compiler.graph.node import Ref
from compiler.graph.operations import Clean, Profile, Query
from compiler.graph.operations import Split as SplitOp
from compiler.graph.types import ProfileType, TableType
from specs.datasets import Dataset, Split


def analyse_dataset(scope: Scope, name: str) -> None:
    """Add the nodes of one dataset and its table."""
    dataset = scope.stack.datasets[name]
    path: Path = ("datasets", name)
    found = _queried(scope, name, dataset, path)
    if found is None:
        return
    table, staged = found
    if dataset.clean:
        cleaned = analyse_cleaning(scope, dataset, table, path)
        if cleaned is None:
            return
        table = cleaned.table
        staged = scope.add(
            f"datasets.{name}/clean",
            Clean(cleaned.steps),
            {"table": staged},
            {"table": table},
            (*path, "clean"),
            cleaned.lineage,
        )
    publish(scope, "datasets", name, table, staged)
    _parts(scope, name, dataset, table, path)


def bind_ahead(scope: Scope, names: Iterable[str]) -> None:
    """Have the queries of datasets bound together whose tables are all known."""
    asked = []
    for name in names:
        sql, blocks = scope.stack.datasets[name].sql, scope.blocks_read(name)
        if sql is not None and blocks and all(block in scope.tables for block in blocks):
            named = zip(scope.reads[name], blocks, strict=True)
            asked.append((sql, {table: scope.tables[block].type for table, block in named}))
    scope.services.binder.bind_ahead(asked)


def _queried(scope: Scope, name: str, dataset: Dataset, path: Path) -> tuple[TableType, Ref] | None:
    if dataset.from_ is not None:
        info = scope.tables.get(dataset.from_)
        return (info.type, info.published) if info else None
    sql, reads = dataset.sql or "", scope.blocks_read(name)
    if _waits_for_broken_table(scope, reads):
        return None
    named = dict(zip(scope.reads[name], reads, strict=True))
    used = {table: block for table, block in named.items() if block in scope.tables}
    # Only where a name is unknown are all tables worth handing over: to suggest one.
    whole = len(used) == len(named) and used
    tables = {t: scope.tables[b].type for t, b in used.items()} if whole else _nameable(scope, name)
    bound = scope.services.binder.bind(sql, tables)
    here = (*path, "sql")
    if scope.problems(bound.problems, here):
        return None
    lineage = placed(bound.lineage, here)
    table = TableType(flowed(scope, bound.columns, lineage, tables))
    inputs = {t: scope.tables[b].published for t, b in used.items()}
    ref = scope.add(f"datasets.{name}/query", Query(sql), inputs, {"table": table}, here, lineage)
    return table, ref


def _nameable(scope: Scope, name: str) -> dict[str, TableType]:
    """Every table that the SQL of a dataset could name; those to come have no columns yet."""
    stack = scope.stack
    names = [*stack.sources, *stack.datasets, *stack.predictions]
    known = {table: info.type for table, info in scope.tables.items()}
    found = {table: known.get(table, TableType(())) for table in names if table != name}
    aliases = scope.aliases.get(name, {})
    return found | {table: found[block] for table, block in aliases.items() if block in found}


def _waits_for_broken_table(scope: Scope, reads: tuple[str, ...]) -> bool:
    """Whether one of the tables has findings of its own: one error per cause."""
    stack = scope.stack
    kinds = (stack.sources, stack.datasets, stack.predictions)
    return any(t not in scope.tables and any(t in kind for kind in kinds) for t in reads)


def _parts(scope: Scope, name: str, dataset: Dataset, table: TableType, path: Path) -> None:
    """Split the published table, and profile the training part (else the whole)."""
    info = scope.tables[name]
    parts: dict[str, Ref] = {}
    if dataset.split is not None:
        operation = _split(scope, dataset.split, table, (*path, "split"))
        if operation is not None:
            check_split(scope, name, dataset.split, (*path, "split"))
        if operation is None:
            del scope.tables[name]
            return
        address = f"datasets.{name}/split"
        names = tuple(dataset.split.parts)
        outputs = dict.fromkeys(names, table)
        inputs = {"table": info.published}
        scope.add(address, operation, inputs, {**outputs}, (*path, "split"))
        parts = {part: Ref(address, part) for part in names}
    columns = profiled(scope, table)
    profile = scope.add(
        f"datasets.{name}/profile",
        Profile(columns),
        {"table": parts.get("train", info.published)},
        {"profile": ProfileType(columns)},
        path,
    )
    scope.tables[name] = TableInfo(table, info.published, parts, profile)


def _split(scope: Scope, split: Split, table: TableType, path: Path) -> SplitOp | None:
    if not split.by_fraction:
        wrong = False
        for part, text in split.parts.items():
            bound = scope.services.binder.expression(text, table, "bool")
            wrong |= scope.problems(bound.problems, (*path, part))
        return None if wrong else SplitOp(predicates=tuple(split.parts.items()))
    places: list[tuple[Path, str]] = [
        ((*path, "group", i), c) for i, c in enumerate(split.group or ())
    ]
    if split.stratify:
        places.append(((*path, "stratify"), split.stratify))
    found = [known_column(scope, table, column, place) for place, column in places]
    if None in found:
        return None
    fractions = tuple((part, float(share)) for part, share in split.parts.items())
    return SplitOp(fractions, (), split.seed, split.stratify, split.group or ())
