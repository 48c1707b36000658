"""Models: target, task, features, algorithm and gates, held against each other."""

from __future__ import annotations

from compiler.analyse.columns import known_column
from compiler.analyse.fairness import analyse_fairness, sensitive_fit
from compiler.analyse.features import analyse_features
from compiler.analyse.gates import analyse_gates, measured
from compiler.analyse.model_nodes import Draft, add_nodes
from compiler.analyse.scope import Scope, TableInfo
from compiler.analyse.tags import answered, flowed
from compiler.analyse.tuning import analyse_tuning
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.types import Column, DataType, ModelType, TableType, Task
from specs.algorithms import TRAITS
from specs.metrics import METRICS
from specs.models import Model

_DEFAULT_TASK = {"bool": Task.BINARY, "string": Task.MULTICLASS}


def analyse_model(scope: Scope, name: str) -> None:
    """Add the nodes of one model."""
    model = scope.stack.models[name]
    path: Path = ("models", name)
    info = scope.tables.get(model.dataset)
    if info is None:
        return
    target = known_column(scope, info.type, model.target, (*path, "target"))
    task = _task(scope, model, target, path) if target else None
    found = analyse_features(scope, model, info.type, path)
    fits = _parts_fit(scope, model, info, path) and _slices_fit(scope, model, info, path)
    fits &= sensitive_fit(scope, model, info, path)
    if target is None or task is None:
        return
    metrics = measured(scope, model, task, path)
    fairness, sound = analyse_fairness(scope, model, task, path)
    compared = fairness.metrics if fairness is not None else ()
    gates = analyse_gates(scope, model, task, compared, path)
    if found is None or not fits or not sound or metrics is None or gates is None:
        return
    tuning = analyse_tuning(scope, model, task, metrics, path)
    if tuning is None:
        return
    gated = [gate.metric for gate in gates if not METRICS[gate.metric].between_groups]
    metrics = tuple(dict.fromkeys([*metrics, *gated]))
    type_ = ModelType(task, found.request, _response(scope, task, target, found.request))
    add_nodes(
        scope, Draft(name, model, info, target, type_, found, *tuning, metrics, fairness, gates)
    )


def _task(scope: Scope, model: Model, target: Column, path: Path) -> Task | None:
    inferred = _DEFAULT_TASK.get(target.type)
    if inferred is None and target.type.is_numeric:
        inferred = Task.REGRESSION
    asked = Task(model.task) if model.task else inferred
    classes = target.type in ("bool", "string") or target.type.is_integer
    fits = {Task.BINARY: classes, Task.MULTICLASS: classes and target.type != "bool"}
    fits[Task.REGRESSION] = target.type.is_numeric
    if asked is not None and fits[asked]:
        return asked
    what = f"for a {asked.value} model" if asked else "for any model"
    scope.findings.report(
        Code.TARGET_TYPE,
        f"the target `{target.name}` is {target.type}, which is no target {what}",
        (*path, "task") if model.task else (*path, "target"),
        help="bool, text and integers are classes; numbers are for regression",
    )
    return None


def _response(
    scope: Scope, task: Task, target: Column, request: tuple[Column, ...]
) -> tuple[Column, ...]:
    """What a model answers, with the tags of all that it has learned from."""
    if task is Task.REGRESSION:
        answers: tuple[Column, ...] = (Column("prediction", DataType("float32"), False),)
    else:
        label = target.type if not target.type.is_integer else DataType("int64")
        probability = Column("probability", DataType("float32"), False)
        answers = (Column("prediction", label, False), probability)
    seen = TableType((target, *request))
    return flowed(scope, answers, answered(answers, seen.names), {"table": seen})


def _parts_fit(scope: Scope, model: Model, info: TableInfo, path: Path) -> bool:
    needs = {"train", model.evaluation.part}
    place: Path = (*path, "dataset")
    if model.tune is not None:
        place = (*path, "tune")
        needs.add("validation")
    if model.early_stopping is not None:
        place = (*path, "early_stopping")
        needs.add("validation")
        if not TRAITS[model.algorithm.kind].early_stopping:
            message = f"`{model.algorithm.kind}` does not learn in rounds that could stop early"
            scope.findings.report(Code.ALGORITHM_TASK, message, place, help="remove it")
            return False
    missing = sorted(needs - set(info.parts))
    if missing:
        lacking = " and ".join(f"`{part}`" for part in missing)
        scope.findings.report(
            Code.SPLIT,
            f"dataset `{model.dataset}` has no part {lacking}",
            place,
            help=f"add it to `datasets.{model.dataset}.split`, for example "
            "`split: {train: 0.6, validation: 0.2, test: 0.2}`",
        )
    return not missing


def _slices_fit(scope: Scope, model: Model, info: TableInfo, path: Path) -> bool:
    found = [
        known_column(scope, info.type, column, (*path, "evaluation", "slices", index))
        for index, column in enumerate(model.evaluation.slices)
    ]
    if model.class_weight and _task_is_regression(model, info):
        message = "`class_weight` is for classes, and this is a regression"
        scope.findings.report(Code.ALGORITHM_TASK, message, (*path, "class_weight"))
        return False
    return None not in found


def _task_is_regression(model: Model, info: TableInfo) -> bool:
    if model.task:
        return model.task == "regression"
    return model.target in info.type and info.type.column(model.target).type.is_numeric
