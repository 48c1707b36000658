"""Gates as sets of a metric's values: what can never hold, never fail, or says nothing new."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.analyse.algebra.values import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    Values,
    before,
    behind,
    union,
)
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place
from compiler.graph.operations import Gate
from specs.metrics import METRICS


def reach(metric: str, champion: bool) -> Values:
    """All values that a metric can take, or all by which it can differ from a champion's."""
    known = METRICS[metric]
    return between(known.floor, known.ceiling, 1.0 if champion else 0.0)


def between(low: float | None, high: float | None, peer: float) -> Values:
    """All values of a range, or all by which one can differ from ``peer`` times another of it."""
    if peer:
        if low is None or high is None:
            return EVERYTHING
        low, high = low - peer * high, high - peer * low
    return union(
        [
            (
                LOWEST if low is None else before(low, False),
                HIGHEST if high is None else behind(high, False),
            )
        ]
    )


def allowed(op: str, bound: float) -> Values:
    """The values for which a gate holds."""
    cut = (behind if op in (">", "<=") else before)(bound, False)
    return union([(cut, HIGHEST) if op in (">", ">=") else (LOWEST, cut)])


def check_gates(gates: Sequence[Gate], path: Path, findings: Findings) -> None:
    """Report pairs of gates on one metric that exclude or imply each other."""
    for later, gate in enumerate(gates):
        for earlier in range(later):
            other = gates[earlier]
            if (gate.metric, gate.champion) != (other.metric, other.champion):
                continue
            _pair(gate, other, (*path, later), (*path, earlier), findings)


def _pair(gate: Gate, other: Gate, here: Path, there: Path, findings: Findings) -> None:
    whole = reach(gate.metric, gate.champion)
    mine, its = allowed(gate.op, gate.bound) & whole, allowed(other.op, other.bound) & whole
    if (mine & its).empty:
        findings.report(
            Code.GATES_CONTRADICT,
            f"no model passes both gates on `{gate.metric}`",
            here,
            labels=(Label("the other one", Place(there)),),
            help="all gates must hold: change one of them",
        )
    elif its <= mine or mine <= its:
        if its <= mine:
            weak, strong = here, there
        else:
            weak, strong = there, here
        findings.report(
            Code.GATE_IMPLIED,
            f"this gate on `{gate.metric}` adds nothing to another one",
            weak,
            labels=(Label("which asks for as much or more", Place(strong)),),
            help="remove it",
        )
