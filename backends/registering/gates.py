"""Gates: each metric against its bound, and against the champion where a gate asks."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from backends.models.fairness import worst
from backends.registering.registered import Registry
from compiler.backend import TaskContext
from compiler.graph.documents import GateResult, Metrics
from compiler.graph.operations import Gate, JudgeGates
from specs.metrics import METRICS

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def to_beat(operation: JudgeGates, context: TaskContext, registry: Registry) -> str | None:
    """The digest of the model to be held against; None where there is no champion.

    A candidate that is the champion already is held against the one it
    followed, so that a plan after its registration finds nothing new.
    """
    if not asks(operation):
        return None
    champion = registry.champion()
    if champion is None:
        return None
    if champion.model_key == context.input_keys.get("model"):
        return champion.held
    return champion.digest


def asks(operation: JudgeGates) -> bool:
    """Whether a gate asks for the champion."""
    return any(gate.champion for gate in operation.gates)


def judge(
    gate: Gate,
    metrics: Mapping[str, float | None],
    champion: Mapping[str, float | None] | None,
    reason: str = "",
) -> GateResult:
    """One gate's outcome.

    Args:
        gate: The gate.
        metrics: The candidate's.
        champion: The champion's on the same rows; None where there is none.
        reason: Why the champion could not be scored, where it is there but
            could not; the gate then fails.
    """
    value = metrics.get(gate.metric)
    if value is None:
        return _result(gate, None, None, None, False, "undefined on these rows")
    if not gate.champion:
        return _result(gate, value, gate.bound, None, _holds(gate, value, gate.bound), "")
    if champion is None:
        return _result(gate, value, None, None, not reason, reason or "no champion yet")
    other = champion.get(gate.metric)
    if other is None:
        return _result(gate, value, None, None, False, "undefined for the champion on these rows")
    bound = other + gate.bound
    return _result(gate, value, bound, other, _holds(gate, value, bound), "")


def told(result: GateResult, metrics: Metrics) -> GateResult:
    """The outcome with what only the groups of a fairness metric can tell, in no value of theirs.

    Why the metric has no value, or which columns and which rate it is by.
    """
    groups = metrics.get("fairness")
    if groups is None or not METRICS[result["metric"]].between_groups:
        return result
    grouping, disparity = worst(groups, result["metric"])
    if disparity["value"] is None:
        return {**result, "detail": disparity["remark"]}
    rate = (disparity["rate"] or "").replace("_", " ")
    where = f"{rate} by {' and '.join(grouping['columns'])}"
    return {**result, "detail": "; ".join(part for part in (result["detail"], where) if part)}


def _holds(gate: Gate, value: float, bound: float) -> bool:
    return _OPERATORS[gate.op](value, bound)


def _result(
    gate: Gate,
    value: float | None,
    bound: float | None,
    champion: float | None,
    passed: bool,
    detail: str,
) -> GateResult:
    return GateResult(
        text=gate.text,
        metric=gate.metric,
        op=gate.op,
        value=value,
        bound=bound,
        champion=champion,
        passed=passed,
        detail=detail,
    )
