"""Gates and metrics: read, fitted to the task, and to what is measured."""

from __future__ import annotations

from compiler.analyse.algebra.gates import allowed, check_gates, reach
from compiler.analyse.scope import Scope
from compiler.analyse.thresholds import read_threshold
from compiler.codes import Code
from compiler.diagnostics import Path, Within, did_you_mean
from compiler.graph.operations import Gate
from compiler.graph.types import Task
from specs.metrics import DEFAULT_METRICS, METRICS, metrics_for
from specs.models import Model


def measured(scope: Scope, model: Model, task: Task, path: Path) -> tuple[str, ...] | None:
    """Metrics to compute, those of the gates included; None and findings where one is wrong."""
    names = model.evaluation.metrics or DEFAULT_METRICS[task.value]
    ok = True
    for index, name in enumerate(model.evaluation.metrics or ()):
        place = (*path, "evaluation", "metrics", index)
        ok &= metric_fits(scope, name, task, place, None, Code.METRIC_TASK)
    return tuple(dict.fromkeys(names)) if ok else None


def analyse_gates(scope: Scope, model: Model, task: Task, path: Path) -> tuple[Gate, ...] | None:
    """The gates in normal form, or None and findings."""
    gates: list[Gate] = []
    for index, text in enumerate(model.gates):
        gate = _gate(scope, text, task, (*path, "gates", index))
        if gate is not None:
            gates.append(gate)
    if len(gates) < len(model.gates):
        return None
    check_gates(gates, (*path, "gates"), scope.findings)
    return tuple(gates)


def _gate(scope: Scope, text: str, task: Task, place: Path) -> Gate | None:
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
    if not metric_fits(scope, metric, task, place, within, Code.GATE_METRIC):
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


def metric_fits(
    scope: Scope, name: str, task: Task, place: Path, within: Within | None, unknown: Code
) -> bool:
    """Whether there is such a metric and it measures models of this task; a finding if not."""
    known = metrics_for(task.value)
    if name in known:
        return True
    if name in METRICS:
        fits = ", ".join(f"`{m}`" for m in known)
        message = f"`{name}` measures {' and '.join(METRICS[name].tasks)} models, not {task.value}"
        scope.findings.report(
            Code.METRIC_TASK, message, place, within=within, help=f"these fit: {fits}"
        )
    else:
        ways = did_you_mean(name, known)
        message = f"there is no metric `{name}`"
        scope.findings.report(unknown, message, place, within=within, help=ways)
    return False
