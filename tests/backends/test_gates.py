"""Gates: bounds, the champion, and which champion a candidate is held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backends.local import BACKEND
from backends.local.registry import observe
from backends.models.fairness import fairness, rates_of, worst
from backends.registering.gates import judge, told
from compiler.backend import Artifact
from compiler.graph.operations import Evaluate, Fairness, Gate, JudgeGates, Register
from compiler.graph.types import Task
from tests.conformance.bench import Bench, Model, document, parts, training
from tests.conformance.registers import training as training_of

EVALUATION = Evaluate(("roc_auc", "f1"), "malignant")
FLOOR = Gate("roc_auc >= 0.6", "roc_auc", ">=", 0.6)
BETTER = Gate("roc_auc >= champion - 0.01", "roc_auc", ">=", -0.01, champion=True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(BACKEND, tmp_path, threads=1)


@pytest.mark.parametrize(
    ("op", "bound", "passed"),
    [
        (">=", 0.8, True),
        (">", 0.8, False),
        ("<=", 0.8, True),
        ("<", 0.8, False),
        (">=", 0.9, False),
    ],
)
def test_a_metric_is_held_against_its_bound(op: Any, bound: float, passed: bool) -> None:
    found = judge(Gate("g", "f1", op, bound), {"f1": 0.8}, None)
    assert (found["passed"], found["value"], found["bound"]) == (passed, 0.8, bound)


@pytest.mark.parametrize("metrics", [{}, {"f1": None}])
def test_an_undefined_metric_fails_its_gate(metrics: dict[str, float | None]) -> None:
    found = judge(FLOOR, metrics, None)
    assert not found["passed"]
    assert "undefined" in found["detail"]


def test_the_champion_bounds_with_an_offset() -> None:
    found = judge(BETTER, {"roc_auc": 0.9}, {"roc_auc": 0.92})
    assert found["bound"] == pytest.approx(0.91)
    assert found["champion"] == 0.92
    assert not found["passed"]


def test_without_a_champion_its_gates_pass_and_say_so() -> None:
    found = judge(BETTER, {"roc_auc": 0.9}, None)
    assert found["passed"]
    assert found["detail"] == "no champion yet"


def test_a_champion_that_cannot_be_scored_fails_the_gate_with_the_reason() -> None:
    found = judge(BETTER, {"roc_auc": 0.9}, None, "it needs the column `x`")
    assert not found["passed"]
    assert found["detail"] == "it needs the column `x`"


def test_a_gate_on_fairness_tells_the_columns_and_no_value() -> None:
    asked = Fairness(("city",), ("demographic_parity_difference",), 5)
    scores = np.array([[0.0, 1.0]] * 10 + [[1.0, 0.0]] * 10)
    rates = rates_of("binary", np.arange(20) % 2, scores, 0.5)
    gate = Gate("g", "demographic_parity_difference", "<=", 0.2)
    for cities, detail in (
        (["Oslo"] * 10 + ["Rome"] * 10, "selection rate by city"),
        (["Oslo"] * 20, "only one group by `city` has 5 rows or more"),
    ):
        found = fairness(asked, rates, {"city": pa.array(cities)})
        value = worst(found, gate.metric)[1]["value"]
        metrics = {"metrics": {gate.metric: value}, "fairness": found}
        result = told(judge(gate, {gate.metric: value}, None), metrics)  # type: ignore[arg-type]
        assert (result["passed"], result["detail"]) == (False, detail)


class Line:
    """One model block's way from candidate to champion, with the keys the engine would give."""

    def __init__(
        self, bench: Bench, gates: tuple[Gate, ...], evaluation: Evaluate = EVALUATION
    ) -> None:
        self.bench = bench
        self.judging = JudgeGates("models.m", gates, evaluation)
        self.train, self.test = parts(bench, Task.BINARY)
        self.count = 0

    def candidate(self, seed: int, depth: int = 2) -> Model:
        return self.bench.model(
            training(
                Task.BINARY, "xgboost", seed=seed,
                parameters=(("max_depth", depth), ("n_estimators", 3), ("subsample", 0.5)),
            ),
            self.train,
        )  # fmt: skip

    def observed(self, key: str) -> str | None:
        return observe(self.judging, self.bench.context(input_keys={"model": key}))

    def judged(self, model: Artifact, key: str) -> dict[str, Any]:
        evaluation = self.judging.evaluation
        metrics = self.bench.run(evaluation, {"model": model, "table": self.test})
        self.metrics = document(metrics.files["metrics"], "metrics")
        outcome = self.bench.run(
            self.judging,
            {"model": model, "metrics": self.metrics, "table": self.test},
            observed=self.observed(key),
            input_keys={"model": key},
        )
        self.gates = document(outcome.files["gates"], "gates")
        self.events = outcome.events
        found: dict[str, Any] = json.loads(self.gates.path.read_bytes())
        return found

    def registered(self, model: Artifact, key: str) -> int:
        self.count += 1
        inputs = {"model": model, "metrics": self.metrics, "gates": self.gates}
        made = {"training": training_of(self.bench), "table": self.train}
        register = Register("models.m", "datasets.d")
        applied = self.bench.apply(
            register, {**inputs, **made}, f"op{self.count}", input_keys={"model": key}
        )
        return int(applied.attributes["version"])


def test_a_plan_after_the_registration_observes_what_the_judgement_did(bench: Bench) -> None:
    line = Line(bench, (FLOOR, BETTER))
    first, second = line.candidate(1).model, line.candidate(2).model
    assert line.observed("k1") is None
    assert line.judged(first, "k1")["champion"] is None
    line.registered(first, "k1")
    assert line.observed("k1") is None
    assert line.observed("k2") == first.digest
    found = line.judged(second, "k2")
    assert found["champion"] == first.digest
    assert found["gates"][1]["champion"] is not None
    line.registered(second, "k2")
    assert line.observed("k2") == first.digest
    assert line.observed("k1") == second.digest


def test_the_same_model_under_another_key_is_observed_as_it_was_judged(bench: Bench) -> None:
    line = Line(bench, (BETTER,))
    model = line.candidate(1).model
    line.judged(model, "k1")
    line.registered(model, "k1")
    assert line.judged(model, "k2")["champion"] == model.digest
    assert line.registered(model, "k2") == 1
    assert line.observed("k2") == model.digest


def test_without_a_champion_gate_nothing_is_observed(bench: Bench) -> None:
    line = Line(bench, (FLOOR,))
    model = line.candidate(1).model
    line.judged(model, "k1")
    line.registered(model, "k1")
    assert line.observed("k2") is None


def test_a_failed_gate_is_an_event(bench: Bench) -> None:
    line = Line(bench, (Gate("roc_auc > 1", "roc_auc", ">", 1.0),))
    assert line.judged(line.candidate(1).model, "k1")["passed"] is False
    assert [event.type for event in line.events] == ["gate.failed"]


def test_a_champion_that_needs_a_column_that_is_gone_fails_its_gate(bench: Bench) -> None:
    line = Line(bench, (BETTER,))
    first, second = line.candidate(1).model, line.candidate(2).model
    line.judged(first, "k1")
    line.registered(first, "k1")
    metrics = bench.run(EVALUATION, {"model": second, "table": line.test})
    inputs = {
        "model": second,
        "metrics": document(metrics.files["metrics"], "metrics"),
        "table": bench.table(pq.read_table(line.test.path).drop_columns(["x2"])),
    }
    outcome = bench.run(line.judging, inputs, observed=first.digest)
    (gate,) = json.loads(outcome.files["gates"].read_bytes())["gates"]
    assert not gate["passed"]
    assert "`x2`" in gate["detail"]


def test_a_champion_is_held_to_the_same_groups(bench: Bench) -> None:
    """Its fairness is measured on the candidate's rows, as all else of it."""
    metric = "demographic_parity_difference"
    evaluation = Evaluate(("f1",), "malignant", fairness=Fairness(("size",), (metric,), 5))
    gate = Gate("no less fair", metric, "<=", 0.0, champion=True)
    line = Line(bench, (gate,), evaluation)
    first, second = line.candidate(1).model, line.candidate(2).model
    (alone,) = line.judged(first, "k1")["gates"]
    assert alone["detail"] == "no champion yet; selection rate by size"
    line.registered(first, "k1")
    (found,) = line.judged(second, "k2")["gates"]
    values = [
        bench.evaluation(evaluation, model, line.test)["metrics"][metric]
        for model in (second, first)
    ]
    assert [found["value"], found["champion"]] == values
    assert found["passed"] == (values[0] <= values[1])
