"""What is said of a rollout's conditions is true of everything that can be measured."""

from __future__ import annotations

import operator
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.rollouts import analyse_rollout
from compiler.codes import Code
from compiler.diagnostics import Findings
from compiler.graph.operations import AbortIf, Rollout
from specs.deployments import Limits
from specs.deployments import Rollout as Written

Op = Literal[">", ">="]
HOLDS = {">": operator.gt, ">=": operator.ge}
CONDITIONS = st.tuples(
    st.sampled_from(["error_rate", "p50_ms"]),
    st.sampled_from([">", ">="]),
    st.sampled_from([0, 0.5, 1, 2]),
    st.sampled_from([-2000, -1, -0.5, 0, 0.25, 0.5, 1, 2, 1000, 2000]),
)
TRIED = {
    "error_rate": [n / 8 for n in range(9)],
    "p50_ms": [n * 125.0 for n in range(9)],
}
"""With `timeout: 1s`."""


def text(condition: tuple[str, str, float, float]) -> str:
    name, op, former, bound = condition
    if not former:
        return f"{name} {op} {bound}"
    return f"{name} {op} {former} * former {'-' if bound < 0 else '+'} {abs(bound)}"


def analysed(*texts: str) -> tuple[Rollout | None, list[Code]]:
    findings = Findings()
    limits = Limits.model_validate({"timeout": "1s"})
    written = Written.model_validate({"canary": 10, "abort_if": [*texts]})
    found = analyse_rollout(written, limits, ("deployments", "api"), findings)
    return found, [one.code for one in findings.diagnostics]


def holds(condition: tuple[str, str, float, float]) -> set[tuple[float, float]]:
    """Of all pairs of what canary and former do, those for which it holds."""
    name, op, factor, bound = condition
    pairs = [(mine, its) for mine in TRIED[name] for its in TRIED[name]]
    return {(mine, its) for mine, its in pairs if HOLDS[op](mine, factor * its + bound)}


@given(CONDITIONS)
def test_a_condition_that_judges_nothing_is_found(
    condition: tuple[str, str, float, float],
) -> None:
    found, codes = analysed(text(condition))
    judges = 0 < len(holds(condition)) < len(TRIED[condition[0]]) ** 2
    assert (found is not None) == judges, text(condition)
    assert codes == ([] if judges else [Code.ABORT_IF])


@given(CONDITIONS, CONDITIONS)
def test_what_adds_nothing_holds_only_where_the_other_does(
    one: tuple[str, str, float, float], other: tuple[str, str, float, float]
) -> None:
    found, codes = analysed(text(one), text(other))
    if found is None or one[0] != other[0]:
        assert Code.ABORT_IF_IMPLIED not in codes
    elif Code.ABORT_IF_IMPLIED in codes:
        assert holds(one) <= holds(other) or holds(other) <= holds(one)
    else:
        assert one != other


def test_a_condition_in_normal_form() -> None:
    found, codes = analysed("p99_ms>=2*former-1.5", " error_rate  > former ")
    assert codes == []
    assert found == Rollout(
        10,
        600,
        100,
        (
            AbortIf("p99_ms>=2*former-1.5", "p99_ms", ">=", -1.5, 2.0),
            AbortIf("error_rate > former", "error_rate", ">", 0.0, 1.0),
        ),
    )


def test_numbers_without_end_are_no_bounds() -> None:
    for written in ("error_rate > 1e999 * former", "error_rate > 1e999", "p99_ms > former + 1e999"):
        found, codes = analysed(written)
        assert (found, codes) == (None, [Code.ABORT_IF])


def test_what_is_left_out_aborts_for_one_error_in_a_hundred_more() -> None:
    written = Written.model_validate({"canary": 10})
    found = analyse_rollout(written, Limits(), (), Findings())
    assert found is not None
    assert (found.for_s, found.requests) == (600, 100)
    assert found.abort_if == (AbortIf("error_rate > former + 0.01", "error_rate", ">", 0.01, 1.0),)
