"""Gates and metrics: read, fitted to the task, and to what is measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from compiler.analyse.algebra.gates import allowed, check_gates, reach
from compiler.analyse.scope import Scope
from compiler.analyse.thresholds import read_threshold
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place, Within, did_you_mean
from compiler.graph.operations import Gate
from compiler.graph.types import Task
from specs.metrics import DEFAULT_METRICS, METRICS, fairness_for, metrics_for
from specs.models import Model

Use: TypeAlias = Literal["metrics", "fairness", "tune", "performance", "gates"]
"""What a spec names a metric for."""


def measured(scope: Scope, model: Model, task: Task, path: Path) -> tuple[str, ...] | None:
    """Metrics to compute, those of the gates included; None and findings where one is wrong."""
    names = model.evaluation.metrics or DEFAULT_METRICS[task.value]
    ok = True
    for index, name in enumerate(model.evaluation.metrics or ()):
        place = (*path, "evaluation", "metrics", index)
        ok &= metric_fits(scope, name, task, place, "metrics")
    return tuple(dict.fromkeys(names)) if ok else None


def analyse_gates(
    scope: Scope, model: Model, task: Task, compared: Collection[str], path: Path
) -> tuple[Gate, ...] | None:
    """The gates in normal form, or None and findings.

    ``compared`` are the metrics that groups are held against each other by.
    """
    gates: list[Gate] = []
    for index, text in enumerate(model.gates):
        gate = _gate(scope, text, task, compared, (*path, "gates", index))
        if gate is not None:
            gates.append(gate)
    if len(gates) < len(model.gates):
        return None
    check_gates(gates, (*path, "gates"), scope.findings)
    return tuple(gates)


def _gate(
    scope: Scope, text: str, task: Task, compared: Collection[str], place: Path
) -> Gate | None:
    found = read_threshold(text, "champion")
    if found is None:
        scope.findings.report(
            Code.GATE_SYNTAX,
            "a gate is `metric op number` or `metric op champion - number`",
            place,
            help="for example `roc_auc >= 0.8` or `roc_auc >= champion - 0.005`",
        )
        return None
    metric, champion = found.name, bool(found.peer)
    within = Within(found.at, len(metric))
    if not metric_fits(scope, metric, task, place, "gates", within):
        return None
    if METRICS[metric].between_groups and metric not in compared:
        _without_groups(scope, metric, bool(compared), place, within)
        return None
    if _pointless(scope, metric, found.op, found.bound, champion, place):
        return None
    return Gate(found.text, metric, found.op, found.bound, champion)  # type: ignore[arg-type]


def _pointless(
    scope: Scope, metric: str, op: str, bound: float, champion: bool, place: Path
) -> bool:
    """Whether the metric's values all lie on one side of a bound: the gate judges nothing."""
    values, holds = reach(metric, champion), allowed(op, bound)
    fails_never = values <= holds
    if not fails_never and not (values & holds).empty:
        return False
    known = METRICS[metric]
    lower = fails_never == (op in (">", ">="))
    limit = f"at least {known.floor}" if lower else f"at most {known.ceiling}"
    if champion:
        limit = f"{known.floor} to {known.ceiling}"
    share = not lower and not champion and known.ceiling == 1 and 2 <= bound <= 100
    scope.findings.report(
        Code.GATE_METRIC,
        f"this gate can never {'fail' if fails_never else 'hold'}: `{metric}` is {limit}",
        place,
        help=f"`{metric}` is a share: did you mean {bound / 100:g}?" if share else (),
    )
    return True


def _without_groups(scope: Scope, metric: str, some: bool, place: Path, within: Within) -> None:
    """Report a gate on a metric of fairness that the evaluation does not measure."""
    fairness = (*place[:2], "evaluation", "fairness")
    asked = Label("which asks for others", Place((*fairness, "metrics"), key=True))
    other = f"add `{metric}` to `evaluation.fairness.metrics`"
    whole = f"`evaluation: {{fairness: {{sensitive: COLUMN, metrics: [{metric}]}}}}`"
    scope.findings.report(
        Code.FAIRNESS_METRIC,
        f"`{metric}` is not asked for in `evaluation.fairness`",
        place,
        within=within,
        labels=(asked,) if some else (),
        help=other if some else f"say which groups have to fare alike: {whole}",
    )


def metric_fits(
    scope: Scope, name: str, task: Task, place: Path, use: Use, within: Within | None = None
) -> bool:
    """Whether there is such a metric, for models of this task and this use; a finding if not."""
    fits = _fitting(use, task)
    if name in fits:
        return True
    known = METRICS.get(name)
    if known is None:
        message, code, ways = (
            f"there is no metric `{name}`",
            _UNKNOWN[use],
            did_you_mean(name, fits),
        )
    elif task.value not in known.tasks:
        message = f"`{name}` measures {' and '.join(known.tasks)} models, not {task.value}"
        alike = [m for m in fits if METRICS[m].between_groups == known.between_groups]
        listed = ", ".join(f"`{metric}`" for metric in alike or fits)
        code, ways = Code.METRIC_TASK, (f"these fit: {listed}",)
    else:
        said, way = _ELSEWHERE[use]
        message, code, ways = f"`{name}` {said}", Code.FAIRNESS_METRIC, (way.format(name=name),)
    scope.findings.report(code, message, place, within=within, help=ways)
    return False


def _fitting(use: Use, task: Task) -> tuple[str, ...]:
    if use == "fairness":
        return fairness_for(task.value)
    known = metrics_for(task.value)
    return known + fairness_for(task.value) if use == "gates" else known


_UNKNOWN: Mapping[Use, Code] = {
    "metrics": Code.METRIC_TASK,
    "fairness": Code.METRIC_TASK,
    "tune": Code.METRIC_TASK,
    "performance": Code.METRIC_TASK,
    "gates": Code.GATE_METRIC,
}
_ELSEWHERE: Mapping[Use, tuple[str, str]] = {
    "metrics": (
        "holds groups against each other, and here no groups are named",
        "ask for it with its groups: `fairness: {{sensitive: COLUMN, metrics: [{name}]}}`",
    ),
    "fairness": (
        "says how good a model is, and holds no groups against each other",
        "ask for it in `evaluation.metrics`; `evaluation.slices` tells it of each group",
    ),
    "tune": (
        "holds groups against each other, and no trial of a search does",
        "search by another metric, and let a gate see to this one",
    ),
    "performance": (
        "holds groups against each other, and of an answer its key and what was said is kept",
        "watch another metric, and let a gate see to this one",
    ),
}
"""What is said of a metric that is measured, but not for this use, and the way out."""
