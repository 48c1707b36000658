"""Fairness: sensitive columns held against the data that they group, metrics against the task."""

from __future__ import annotations

from compiler.analyse.algebra.groups import always, endless
from compiler.analyse.columns import known_column
from compiler.analyse.gates import metric_fits
from compiler.analyse.scope import Scope, TableInfo
from compiler.codes import Code
from compiler.diagnostics import Once, Path
from compiler.graph.operations import Fairness
from compiler.graph.types import Column, Task
from specs.metrics import DEFAULT_FAIRNESS
from specs.models import Fairness as Asked
from specs.models import Model

_NAME = "name a column with few values, that says who has to fare alike"


def sensitive_fit(scope: Scope, model: Model, info: TableInfo, path: Path) -> bool:
    """Whether the columns that groups are made by can be; findings where one cannot."""
    asked = model.evaluation.fairness
    if asked is None:
        return True
    place = (*path, "evaluation", "fairness", "sensitive")
    fits = [
        _groups(scope, model, info, name, (*place, index))
        for index, name in enumerate(asked.sensitive)
    ]
    return all(fits) and _differ(scope, asked, place)


def analyse_fairness(
    scope: Scope, model: Model, task: Task, path: Path
) -> tuple[Fairness | None, bool]:
    """Fairness in normal form, None where it is not asked for; and whether all of it is sound."""
    asked = model.evaluation.fairness
    if asked is None:
        return None, True
    place = (*path, "evaluation", "fairness", "metrics")
    fits = [
        metric_fits(scope, name, task, (*place, index), "fairness")
        for index, name in enumerate(asked.metrics or ())
    ]
    names = dict.fromkeys(asked.metrics or DEFAULT_FAIRNESS[task.value])
    return Fairness(asked.sensitive, tuple(names), asked.min_rows), all(fits)


def _groups(scope: Scope, model: Model, info: TableInfo, name: str, place: Path) -> bool:
    """Whether a column tells groups apart; a finding if not, or if it tells too many."""
    column = known_column(scope, info.type, name, place)
    if column is None:
        return False
    problem = _no_group(column, model)
    if problem:
        scope.findings.report(Code.NO_GROUPS, problem, place, help=_NAME)
        return False
    part = model.evaluation.part
    constant = always(scope, model.dataset, column, part)
    if constant is not None:
        said, labels = constant
        scope.findings.report(
            Code.NO_GROUPS,
            f"`{name}` is {said} in every row of `{part}`: there are no two groups to compare",
            place,
            labels=labels,
            help="name a column with several values, or split so that the part has them",
        )
        return False
    _warn(scope, model, column, place)
    return True


def _no_group(column: Column, model: Model) -> str:
    """Why the values of a column are no groups; nothing where they may be."""
    if column.name == model.target:
        return f"`{column.name}` is the target: a model is meant to treat its values differently"
    if not column.type.is_scalar or column.type == "binary":
        return f"`{column.name}` is {column.type}, which has no values to group rows by"
    return ""


def _warn(scope: Scope, model: Model, column: Column, place: Path) -> None:
    found = endless(scope, model.dataset, column)
    if found is None:
        return
    reason, labels = found
    scope.findings.report(
        Code.GROUPS_OF_ONE,
        f"{reason}, so no two rows are of one group" if labels else reason,
        place,
        labels=labels,
        help=(_NAME, "or make bands of it in the dataset's SQL"),
    )


def _differ(scope: Scope, asked: Asked, place: Path) -> bool:
    names = asked.sensitive
    twice = [index for index, name in enumerate(names) if name in names[:index]]
    for index in twice:
        message = f"`{names[index]}` is named twice"
        scope.findings.report(
            Code.DUPLICATE_NAME, message, (*place, index), help=Once("remove one of them")
        )
    return not twice
