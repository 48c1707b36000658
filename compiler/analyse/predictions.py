"""Predictions: the model's raw columns found in the table, and the score node."""

from __future__ import annotations

from compiler.analyse.columns import known_column
from compiler.analyse.policies import allowed
from compiler.analyse.rules import publish
from compiler.analyse.scope import ModelInfo, Scope, TableInfo
from compiler.analyse.tags import answered
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.operations import Score
from compiler.graph.types import Column, TableType
from specs.predictions import Prediction


def analyse_prediction(scope: Scope, name: str) -> None:
    """Add the nodes of one prediction and its table."""
    prediction = scope.stack.predictions[name]
    path: Path = ("predictions", name)
    info, model = scope.tables.get(prediction.table), scope.models.get(prediction.model)
    if info is None or model is None:
        return
    keep = _kept(scope, prediction, info, path)
    if (
        not request_fits(scope, info.type, model, prediction.table, (*path, "table"))
        or keep is None
    ):
        return
    clash = [c.name for c in model.type.response if c.name in {k.name for k in keep}]
    if clash:
        message = f"`{prediction.table}` has a column `{clash[0]}`, which the model answers with"
        ways = "list the columns to `keep` without it"
        scope.findings.report(Code.DUPLICATE_NAME, message, (*path, "table"), help=ways)
        return
    table = TableType((*keep, *model.type.response))
    request = [column.name for column in model.type.request]
    scored = scope.add(
        f"predictions.{name}/score",
        Score(tuple(column.name for column in keep), model.threshold),
        {"model": model.registered, "table": info.published},
        {"table": table},
        path,
        answered(model.type.response, request, [column.name for column in keep]),
    )
    publish(scope, "predictions", name, table, scored)


def _kept(
    scope: Scope, prediction: Prediction, info: TableInfo, path: Path
) -> tuple[Column, ...] | None:
    if prediction.keep is None:
        return allowed(scope, info.type.columns, "predictions")
    found = [
        known_column(scope, info.type, column, (*path, "keep", index))
        for index, column in enumerate(prediction.keep)
    ]
    kept = tuple(column for column in found if column is not None)
    return kept if len(kept) == len(found) else None


def request_fits(scope: Scope, table: TableType, model: ModelInfo, name: str, place: Path) -> bool:
    """Whether a table has the model's raw columns with fitting types; findings if not."""
    missing = [c.name for c in model.type.request if c.name not in table]
    if missing:
        listed = ", ".join(f"`{column}`" for column in missing)
        scope.findings.report(
            Code.REQUEST_COLUMNS,
            f"`{name}` lacks {listed}, which the model reads",
            place,
            help=f"the model was trained on `{model.dataset}`: give the table the same columns",
        )
        return False
    for wanted in model.type.request:
        found = table.column(wanted.name)
        if not _compatible(found, wanted):
            scope.findings.report(
                Code.REQUEST_COLUMNS,
                f"`{name}.{wanted.name}` is {found.type}, and the model reads {wanted.type}",
                place,
                help="cast it in a dataset between the two",
            )
            return False
        if found.nullable and not wanted.nullable:
            scope.findings.report(
                Code.REQUEST_COLUMNS,
                f"`{name}.{wanted.name}` may be null, and the model was trained without nulls",
                place,
                help=f"declare it `nullable: false`, or fill it: `coalesce({wanted.name}, …)`",
            )
            return False
    return True


def _compatible(found: Column, wanted: Column) -> bool:
    if found.type == wanted.type or (found.type.is_integer and wanted.type.is_integer):
        return True
    real = wanted.type.is_float or wanted.type.is_decimal
    return real and found.type.is_numeric
