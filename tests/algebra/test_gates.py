"""What is said of gates is true of every value of their metric."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.algebra.gates import allowed, check_gates, reach
from compiler.analyse.algebra.values import points
from compiler.codes import Code
from compiler.diagnostics import Findings
from compiler.graph.operations import Gate

Op = Literal[">=", "<=", ">", "<"]
OPS: st.SearchStrategy[Op] = st.sampled_from([">=", "<=", ">", "<"])
BOUNDS = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])
METRICS = st.sampled_from(
    ["roc_auc", "rmse", "r2", "demographic_parity_difference", "mae_difference"]
)
TRIED = [n / 8 for n in range(-24, 25)]
HOLDS = {
    ">=": float.__ge__, "<=": float.__le__, ">": float.__gt__, "<": float.__lt__,
}  # fmt: skip


def possible(metric: str) -> list[float]:
    """Values that the metric can take, of those that are tried."""
    return [v for v in TRIED if not (points([v], False) & reach(metric, False)).empty]


def gate(metric: str, op: Op, bound: float) -> Gate:
    return Gate(f"{metric} {op} {bound}", metric, op, bound, False)


def test_the_range_of_a_metric_is_what_it_can_be() -> None:
    assert (min(possible("roc_auc")), max(possible("roc_auc"))) == (0.0, 1.0)
    assert (min(possible("rmse")), max(possible("rmse"))) == (0.0, 3.0)
    assert (min(possible("r2")), max(possible("r2"))) == (-3.0, 1.0)


@given(metric=METRICS, op=OPS, bound=BOUNDS)
def test_a_gate_that_can_never_fail_or_hold_never_does(metric: str, op: Op, bound: float) -> None:
    verdicts = {HOLDS[op](value, bound) for value in possible(metric)}
    values = reach(metric, False)
    assert (verdicts == {True}) == (values <= allowed(op, bound))
    assert (verdicts == {False}) == (values & allowed(op, bound)).empty


@given(metric=METRICS, ops=st.tuples(OPS, OPS), bounds=st.tuples(BOUNDS, BOUNDS))
def test_two_gates_exclude_or_imply_each_other_only_where_all_values_agree(
    metric: str, ops: tuple[Op, Op], bounds: tuple[float, float]
) -> None:
    findings = Findings()
    gates = [gate(metric, op, bound) for op, bound in zip(ops, bounds, strict=True)]
    check_gates(gates, ("models", "m", "gates"), findings)
    passed = [{v for v in possible(metric) if HOLDS[g.op](v, g.bound)} for g in gates]
    codes = {found.code for found in findings.diagnostics}
    assert (Code.GATES_CONTRADICT in codes) == (not passed[0] & passed[1])
    if Code.GATE_IMPLIED in codes:
        (found,) = findings.diagnostics
        assert found.place is not None
        weak = int(found.place.path[-1])
        assert passed[1 - weak] <= passed[weak]
