"""Datasets: SQL typed by the binder, cleaning and split checked, and their nodes."""

from __future__ import annotations

import json
from typing import Any

from compiler.analyse.algebra.splits import check_split
from compiler.analyse.columns import known_column
from compiler.analyse.rules import publish
from compiler.analyse.scope import Scope, TableInfo
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.node import Ref
from compiler.graph.operations import Clean, Profile, Query, params
from compiler.graph.operations import CleanStep as CleanOp
from compiler.graph.operations import Split as SplitOp
from compiler.graph.types import Column, DataType, ProfileType, TableType
from specs.datasets import CleanStep, Dataset, Split

DROPPED = "drop_duplicates"


def analyse_dataset(scope: Scope, name: str) -> None:
    """Add the nodes of one dataset and its table."""
    dataset = scope.stack.datasets[name]
    path: Path = ("datasets", name)
    found = _queried(scope, name, dataset, path)
    if found is None:
        return
    table, staged = found
    if dataset.clean:
        steps, table, ok = _cleaned(scope, dataset, table, path)
        if not ok:
            return
        staged = scope.add(
            f"datasets.{name}/clean",
            Clean(steps),
            {"table": staged},
            {"table": table},
            (*path, "clean"),
        )
    publish(scope, "datasets", name, table, staged)
    _parts(scope, name, dataset, table, path)


def _queried(scope: Scope, name: str, dataset: Dataset, path: Path) -> tuple[TableType, Ref] | None:
    if dataset.from_ is not None:
        info = scope.tables.get(dataset.from_)
        return (info.type, info.published) if info else None
    sql, reads = dataset.sql or "", scope.reads[name]
    if _waits_for_broken_table(scope, reads):
        return None
    used = [table for table in reads if table in scope.tables]
    # Only where a name is unknown are all tables worth handing over: to suggest one.
    seen = used if len(used) == len(reads) and used else list(scope.tables)
    bound = scope.services.binder.bind(sql, {t: scope.tables[t].type for t in seen})
    if scope.problems(bound.problems, (*path, "sql")):
        return None
    table = TableType(bound.columns)
    inputs = {t: scope.tables[t].published for t in used}
    ref = scope.add(f"datasets.{name}/query", Query(sql), inputs, {"table": table}, (*path, "sql"))
    return table, ref


def _waits_for_broken_table(scope: Scope, reads: tuple[str, ...]) -> bool:
    """Whether one of the tables has findings of its own: one error per cause."""
    stack = scope.stack
    kinds = (stack.sources, stack.datasets, stack.predictions)
    return any(t not in scope.tables and any(t in kind for kind in kinds) for t in reads)


def _cleaned(
    scope: Scope, dataset: Dataset, table: TableType, path: Path
) -> tuple[tuple[CleanOp, ...], TableType, bool]:
    steps: list[CleanOp] = []
    ok = True
    for index, step in enumerate(dataset.clean):
        here = (*path, "clean", index, step.verb)
        made = _clean_step(scope, step, table, here)
        if made is None:
            ok = False
            continue
        steps.append(made)
        if step.cast:
            casts = step.cast
            table = TableType(
                tuple(
                    Column(c.name, DataType(casts.get(c.name, c.type)), c.nullable, c.tags)
                    for c in table.columns
                )
            )
    return tuple(steps), table, ok


def _clean_step(scope: Scope, step: CleanStep, table: TableType, here: Path) -> CleanOp | None:
    value = getattr(step, step.verb)
    if value is True:
        return CleanOp(DROPPED, table.names)
    if isinstance(value, tuple):
        found = [known_column(scope, table, name, (*here, i)) for i, name in enumerate(value)]
        wrong = [c for c in found if c and step.verb == "trim" and c.type != "string"]
        for column in wrong:
            message = f"`trim` needs text, and `{column.name}` is {column.type}"
            scope.findings.report(Code.RULE_TYPE, message, here)
        return CleanOp(step.verb, value) if all(found) and not wrong else None
    arguments, ok = {}, True
    for name, argument in sorted(value.items()):
        place = (*here, name)
        judged = known_column(scope, table, name, place, key=True)
        if judged is None or not _argument_fits(scope, step.verb, judged, argument, place):
            ok = False
            continue
        arguments[name] = json.dumps(list(argument)) if step.verb == "clip" else argument
    return CleanOp(step.verb, tuple(arguments), params(arguments)) if ok else None


def _argument_fits(scope: Scope, verb: str, column: Column, argument: Any, path: Path) -> bool:
    wrong = None
    if verb == "clip" and not column.type.is_numeric:
        wrong = f"`clip` needs numbers, and `{column.name}` is {column.type}"
    elif verb == "cast" and not DataType(argument).is_scalar:
        wrong = f"`{argument}` is no type of column `{column.name}`"
    elif verb == "fill_null":
        is_text, is_bool = isinstance(argument, str), isinstance(argument, bool)
        textual = column.type == "string" or column.type.is_temporal
        if is_text != textual or is_bool != (column.type == "bool"):
            wrong = f"`{argument}` cannot fill `{column.name}`, which is {column.type}"
    if wrong:
        scope.findings.report(Code.RULE_TYPE, wrong, path)
    return wrong is None


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
    columns = tuple(c.name for c in table.columns if c.type.is_scalar and c.type != "binary")
    profile = scope.add(
        f"datasets.{name}/profile",
        Profile(columns),
        {"table": parts.get("train", info.published)},
        {"profile": ProfileType(columns)},
        path,
    )
    scope.tables[name] = TableInfo(table, info.published, parts, profile, info.rules)


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
