"""Tuning: the space held against the algorithm's own parameters, the metric against the task."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError

from compiler.analyse.gates import metric_fits
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Path, did_you_mean
from compiler.graph.operations import Dimension
from compiler.graph.types import Task
from specs.algorithms import algorithm_of, parameters_of
from specs.models import Model
from specs.tuning import Dimension as Asked
from specs.tuning import Tune


def analyse_tuning(
    scope: Scope, model: Model, task: Task, metrics: tuple[str, ...], path: Path
) -> tuple[tuple[Dimension, ...], str] | None:
    """The space of a search and what judges its trials; None and findings where one is wrong.

    Both are empty where nothing is searched. Without a metric of its own, the
    first of the evaluation judges.
    """
    if model.tune is None:
        return (), ""
    metric = model.tune.metric or metrics[0]
    place = (*path, "tune", "metric")
    fits = metric_fits(scope, metric, task, place, "tune")
    space = _space(scope, model, model.tune, path)
    return (space, metric) if fits and len(space) == len(model.tune.space) else None


def _space(scope: Scope, model: Model, tune: Tune, path: Path) -> tuple[Dimension, ...]:
    """The dimensions in normal form, by name; findings where one does not fit."""
    found: list[Dimension] = []
    fields = type(model.algorithm).model_fields
    known = set(fields) - {"kind"}
    for name, asked in sorted(tune.space.items()):
        place = (*path, "tune", "space", name)
        if name not in known:
            scope.findings.report(
                Code.UNKNOWN_KEY,
                f"`{model.algorithm.kind}` has no parameter `{name}`",
                place,
                key=True,
                help=did_you_mean(name, known),
            )
            continue
        made = _dimension(name, asked, _whole(fields[name].annotation))
        if _fits(scope, model, made, asked, place):
            found.append(made)
    return tuple(found)


def _whole(annotation: Any) -> bool:
    """Whether a parameter takes whole numbers and no others."""
    kinds = {annotation, *get_args(annotation)}
    kinds |= {inner for kind in kinds for inner in get_args(kind)}
    return int in kinds and float not in kinds


def _dimension(name: str, asked: Asked, whole: bool) -> Dimension:
    if asked.range is None:
        return Dimension(name, choices=asked.choice or ())
    low, high = asked.range
    return Dimension(name, float(low), float(high), whole=whole, log=asked.log)


def _fits(scope: Scope, model: Model, made: Dimension, asked: Asked, place: Path) -> bool:
    """Whether the algorithm takes every value at the ends of a range, or every choice."""
    where = "range" if asked.range is not None else "choice"
    for index, value in enumerate(asked.range or asked.choice or ()):
        if made.whole and isinstance(value, float) and not value.is_integer():
            message = f"`{made.name}` is a whole number, and {value} is none"
        else:
            message = _refusal(model, made, value)
        if message:
            scope.findings.report(Code.BAD_VALUE, message, (*place, where, index))
            return False
    return True


def _refusal(model: Model, made: Dimension, value: Any) -> str:
    """Why the algorithm does not take a value; nothing where it does."""
    tried = int(value) if made.whole and isinstance(value, float) else value
    try:
        algorithm_of(model.algorithm.kind, {**parameters_of(model.algorithm), made.name: tried})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].replace("Input should", "it should")
        return f"`{made.name}` cannot be {value}: {reason}"
    return ""
