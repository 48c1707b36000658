"""Cleaning steps: held against the columns, and what becomes of each column on the way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compiler.analyse.columns import known_column
from compiler.analyse.scope import Scope
from compiler.analyse.tags import flowed
from compiler.codes import Code
from compiler.diagnostics import Path, Place
from compiler.graph.lineage import Derivation, Flow, Lineage, Origin, Treatment
from compiler.graph.operations import CleanStep as CleanOp
from compiler.graph.operations import params
from compiler.graph.types import Column, DataType, TableType
from specs.datasets import CleanStep, Dataset

_TREATMENTS = ("hash", "truncate", "bucket")
_JSON = ("clip", "bucket")


class Cleaned(Struct, frozen=True):
    """The steps in normal form, the table behind them, and where its columns come from."""

    steps: tuple[CleanOp, ...]
    table: TableType
    lineage: Lineage


def analyse_cleaning(
    scope: Scope, dataset: Dataset, table: TableType, path: Path
) -> Cleaned | None:
    """The cleaning of a dataset; None and findings where a step does not fit."""
    steps: list[CleanOp] = []
    known = {c.name: Derivation(c.name, (Origin("table", c.name),)) for c in table.columns}
    rows: list[Origin] = []
    before = table
    for index, step in enumerate(dataset.clean):
        here = (*path, "clean", index, step.verb)
        made = _step(scope, step, table, here)
        if made is None:
            continue
        steps.append(made)
        if step.verb == "drop_duplicates":
            rows += [Origin("table", name, Flow.GROUP_BY) for name in made.columns]
            continue
        for name in made.columns:
            known[name] = _derived(known[name], step, name, here)
        table = _after(step, made, table)
    if len(steps) < len(dataset.clean):
        return None
    lineage = Lineage(tuple(known[name] for name in table.names), tuple(dict.fromkeys(rows)))
    columns = flowed(scope, table.columns, lineage, {"table": before})
    return Cleaned(tuple(steps), TableType(columns), lineage)


def _derived(before: Derivation, step: CleanStep, name: str, here: Path) -> Derivation:
    """A column behind a step that changes it."""
    treated = (Treatment(step.verb),) if step.verb in _TREATMENTS else ()
    (origin,) = before.origins
    changed = replace(origin, flow=Flow.TRANSFORMATION, treatments=(*origin.treatments, *treated))
    inside = isinstance(getattr(step, step.verb), dict)
    return Derivation(name, (changed,), Place((*here, name) if inside else here, key=True))


def _after(step: CleanStep, made: CleanOp, table: TableType) -> TableType:
    """The table behind a step."""
    if step.drop is not None:
        return TableType(tuple(c for c in table.columns if c.name not in made.columns))
    changes = {name: _changed(step, table.column(name)) for name in made.columns}
    return TableType(tuple(changes.get(column.name, column) for column in table.columns))


def _changed(step: CleanStep, column: Column) -> Column:
    if step.cast:
        return replace(column, type=DataType(step.cast[column.name]))
    if step.fill_null:
        return replace(column, nullable=False)
    textual = step.hash or (step.bucket and isinstance(step.bucket[column.name], tuple))
    return replace(column, type=DataType("string")) if textual else column


def _step(scope: Scope, step: CleanStep, table: TableType, here: Path) -> CleanOp | None:
    """A step in normal form; None and findings where it does not fit the table."""
    value = getattr(step, step.verb)
    if value is True:
        return CleanOp(step.verb, table.names)
    if step.hash is not None:
        names = _listed(scope, step.hash.columns, table, (*here, "columns"))
        return None if names is None else CleanOp("hash", names, params({"key": step.hash.key}))
    if isinstance(value, tuple):
        names = _listed(scope, value, table, here)
        fits = names is not None and _list_fits(scope, step, table, here)
        return CleanOp(step.verb, names) if names is not None and fits else None
    arguments = dict(_arguments(scope, step.verb, value, table, here))
    if len(arguments) < len(value):
        return None
    return CleanOp(step.verb, tuple(arguments), params(arguments))


def _listed(
    scope: Scope, names: tuple[str, ...], table: TableType, here: Path
) -> tuple[str, ...] | None:
    found = [known_column(scope, table, name, (*here, at)) for at, name in enumerate(names)]
    return tuple(dict.fromkeys(names)) if all(found) else None


def _list_fits(scope: Scope, step: CleanStep, table: TableType, here: Path) -> bool:
    if step.drop is not None and {*table.names} == {*step.drop}:
        scope.findings.report(Code.BAD_VALUE, "a table needs at least one column", here, key=True)
        return False
    wrong = [c for c in step.trim or () if table.column(c).type != "string"]
    for name in wrong:
        message = f"`trim` needs text, and `{name}` is {table.column(name).type}"
        scope.findings.report(Code.RULE_TYPE, message, here)
    return not wrong


def _arguments(
    scope: Scope, verb: str, value: Mapping[str, Any], table: TableType, here: Path
) -> Iterator[tuple[str, Any]]:
    """Each column with its argument, where the two fit."""
    for name, argument in sorted(value.items()):
        place = (*here, name)
        column = known_column(scope, table, name, place, key=True)
        if column is None:
            continue
        wrong = _CHECKS[verb](column, argument)
        if wrong:
            scope.findings.report(Code.RULE_TYPE, wrong, place)
            continue
        plain = list(argument) if isinstance(argument, tuple) else argument
        yield name, json.dumps(plain) if verb in _JSON else argument


def _clip(column: Column, _argument: Any) -> str:
    numeric = column.type.is_numeric
    return "" if numeric else f"`clip` needs numbers, and `{column.name}` is {column.type}"


def _cast(column: Column, argument: Any) -> str:
    known = DataType(argument).is_scalar
    return "" if known else f"`{argument}` is no type of column `{column.name}`"


def _fill_null(column: Column, argument: Any) -> str:
    is_text, is_bool = isinstance(argument, str), isinstance(argument, bool)
    textual = column.type == "string" or column.type.is_temporal
    fits = is_text == textual and is_bool == (column.type == "bool")
    return "" if fits else f"`{argument}` cannot fill `{column.name}`, which is {column.type}"


def _truncate(column: Column, argument: Any) -> str:
    shown = f"`{column.name}` is {column.type}"
    if isinstance(argument, int):
        return "" if column.type == "string" else f"only a text has first characters, and {shown}"
    if column.type not in ("date", "timestamp", "timestamptz"):
        return f"only a date or timestamp has a {argument}, and {shown}"
    return "a date has no hour" if column.type == "date" and argument == "hour" else ""


def _bucket(column: Column, argument: Any) -> str:
    if not column.type.is_numeric:
        return f"`bucket` needs numbers, and `{column.name}` is {column.type}"
    if isinstance(argument, tuple):
        rising = all(low < high for low, high in itertools.pairwise(argument))
        return "" if rising else "the edges of buckets have to rise"
    whole = column.type.is_float or float(argument).is_integer()
    return "" if whole else f"`{column.name}` is {column.type}, and {argument} is no whole number"


_CHECKS = {
    "clip": _clip, "cast": _cast, "fill_null": _fill_null, "truncate": _truncate,
    "bucket": _bucket,
}  # fmt: skip
