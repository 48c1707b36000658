"""Which columns a monitor compares, and what it holds them against."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.analyse.columns import known_column
from compiler.analyse.policies import allowed, profiled
from compiler.analyse.predictions import request_fits
from compiler.analyse.scope import ModelInfo, Scope, TableInfo
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.types import Column, TableType
from specs.monitors import Monitor

_NUMERIC_ONLY, _CATEGORIES_ONLY = ("ks",), ("chi_square",)


def table_of(scope: Scope, monitor: Monitor) -> str:
    """The table that a monitor watches; empty where its prediction is not known."""
    if monitor.prediction is not None:
        prediction = scope.stack.predictions.get(monitor.prediction)
        return prediction.table if prediction else ""
    return monitor.table or ""


def model_of(scope: Scope, monitor: Monitor) -> str | None:
    """The model whose training part is the reference; None where a table is."""
    if monitor.prediction is not None:
        prediction = scope.stack.predictions.get(monitor.prediction)
        return prediction.model if prediction else None
    return monitor.model


def columns_between(
    scope: Scope, monitor: Monitor, info: TableInfo, path: Path
) -> tuple[str, ...] | None:
    """The columns to compare: those asked for, else the model's, else all both tables have."""
    reference = _reference_table(scope, monitor)
    if monitor.drift.columns is not None:
        return _asked(scope, monitor, info.type, reference, path)
    model = model_of(scope, monitor)
    if model is not None:
        place = (*path, "prediction" if monitor.prediction else "table")
        fits = request_fits(scope, info.type, scope.models[model], table_of(scope, monitor), place)
        columns: tuple[Column, ...] = scope.models[model].type.request if fits else ()
    else:
        both = profiled(scope, info.type)
        columns = tuple(c for c in info.type.columns if c.name in reference and c.name in both)
        if not columns:
            message = f"`{monitor.table}` and `{monitor.reference}` share no column"
            scope.findings.report(Code.MONITOR, message, (*path, "reference"))
    # Time moves on: that a later window has later times is no drift unless it is asked for.
    told = allowed(scope, columns, "profile", "alerts")
    lasting = [column for column in told if not column.type.is_temporal]
    return _fitting(scope, monitor.drift.method, lasting, path) if lasting else None


def columns_live(
    scope: Scope, monitor: Monitor, model: ModelInfo, path: Path
) -> tuple[str, ...] | None:
    """The columns to compare: those asked for, else the request's but for dates and times."""
    request = model.type.request
    if monitor.drift.columns is not None:
        raw = {column.name for column in request}
        answers = (column for column in model.type.response if column.name not in raw)
        seen = TableType((*request, *answers))
        return _asked(scope, monitor, seen, seen, path)
    told = allowed(scope, request, "profile", "prediction_log", "alerts")
    lasting = [column for column in told if not column.type.is_temporal]
    return _fitting(scope, monitor.drift.method, lasting, path)


def _fitting(
    scope: Scope, method: str, columns: Sequence[Column], path: Path
) -> tuple[str, ...] | None:
    """Of columns nobody asked for those that a method can compare."""
    fitting = tuple(column.name for column in columns if _method_fits(method, column))
    if not fitting:
        message, place = f"`{method}` fits none of the columns", (*path, "drift", "method")
        scope.findings.report(Code.MONITOR, message, place, help="`auto` fits every column")
    return fitting or None


def _reference_table(scope: Scope, monitor: Monitor) -> TableType:
    model = model_of(scope, monitor)
    name = scope.models[model].dataset if model else monitor.reference or ""
    return scope.tables[name].type


def _asked(
    scope: Scope, monitor: Monitor, table: TableType, reference: TableType, path: Path
) -> tuple[str, ...] | None:
    ok = True
    for index, name in enumerate(monitor.drift.columns or ()):
        place = (*path, "drift", "columns", index)
        column = known_column(scope, table, name, place)
        if column is None or known_column(scope, reference, name, place) is None:
            ok = False
        elif not _method_fits(monitor.drift.method, column):
            ok = False
            kind = "numbers" if monitor.drift.method in _NUMERIC_ONLY else "categories"
            message = f"`{monitor.drift.method}` compares {kind}, and `{name}` is {column.type}"
            scope.findings.report(Code.MONITOR, message, place, help="`auto` fits every column")
    return monitor.drift.columns if ok else None


def _method_fits(method: str, column: Column) -> bool:
    if not column.type.is_scalar or column.type == "binary":
        return False
    category = column.type in ("string", "bool")
    return not (category and method in _NUMERIC_ONLY) and not (
        not category and method in _CATEGORIES_ONLY
    )
