"""Fairness from the spec to the report, on a model of real rows that the spec cannot foresee."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from compiler.engine.project import open_project
from compiler.pipeline import compile_spec
from compiler.report.fill import run_view
from tests.house.cli import stackc

SPEC = """\
stackc: 1
name: loans
sources:
  people:
    path: people.csv
    columns: {income: float64, sex: {type: string, tags: [pii]}, region: string, repaid: bool}
datasets:
  applicants: {from: people, split: {train: 0.5, test: 0.5}}
models:
  repays:
    dataset: applicants
    target: repaid
    features: [income]
    algorithm: {kind: linear}
    evaluation:
      metrics: [roc_auc]
      fairness: {sensitive: [sex, region]}
    gates: [demographic_parity_difference <= 0.9]
policies:
  pii: {deny: [features]}
"""
WORST = "demographic_parity_difference"


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    """People of whom one sex earns less; the tag keeps it from the features."""
    chance = random.Random(3)
    with (tmp_path / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["income", "sex", "region", "repaid"])
        for at in range(1200):
            sex, region = chance.choice(["f", "m", ""]), chance.choice(["north", "south"])
            income = chance.gauss(40 + 15 * (sex == "m"), 12)
            repaid = income + chance.gauss(0, 8) > 45
            writer.writerow([f"{income:.2f}", sex, region, str(repaid).lower()])
            if at < 3:
                writer.writerow([f"{income:.2f}", "x", region, str(repaid).lower()])
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    return tmp_path


def asked(loans: Path, *arguments: str) -> dict[str, Any]:
    """The JSON answer of a command about the stack."""
    found: dict[str, Any] = json.loads(stackc(*arguments, "--format", "json", cwd=loans).out)
    return found


def ran(plan: dict[str, Any]) -> set[str]:
    return {c["address"] for c in plan["changes"] if c["action"] != "keep"}


def test_a_change_of_fairness_evaluates_again_and_trains_nothing(loans: Path) -> None:
    assert stackc("apply", "stack.yaml", cwd=loans).code == 0
    assert ran(asked(loans, "plan", "stack.yaml")) == set()
    for override in (
        "+models.repays.evaluation.fairness.min_rows=10",
        "models.repays.evaluation.fairness.sensitive=sex",
        "+models.repays.evaluation.fairness.metrics=[demographic_parity_difference]",
    ):
        plan = asked(loans, "plan", "stack.yaml", override)
        assert plan["blocks"] == {"models.repays": "re-evaluate"}
        steps = {address.removeprefix("models.repays/") for address in ran(plan)}
        assert {"evaluate"} <= steps <= {"evaluate", "gates", "register"}
        why = next(c for c in plan["changes"] if c["address"] == "models.repays/evaluate")
        assert why["reasons"][0]["field"].startswith("fairness.")


def test_the_groups_are_told_wherever_the_metrics_are(loans: Path) -> None:
    answer = stackc("apply", "stack.yaml", cwd=loans)
    rows = [" ".join(line.split()) for line in answer.out.splitlines()]
    at = rows.index("Fairness")
    assert rows[at + 2].startswith(f"repays {WORST} sex 0.")
    assert "selection rate" in rows[at + 2]
    assert "1 group below 30 rows not judged" in rows[at + 2]
    assert [row.split(" 0.")[0] for row in rows[at + 6 : at + 8]] == [
        f"repays {WORST} sex, region", "repays equalized_odds_difference sex, region",
    ]  # fmt: skip
    model = asked(loans, "apply", "stack.yaml")["results"]["models"]["models.repays"]
    crossed = model["fairness"]["groupings"][2]
    assert crossed["columns"] == ["sex", "region"]
    assert model["metrics"][WORST] == crossed["disparities"][0]["value"]
    assert sum(group["rows"] for group in crossed["groups"]) == model["rows"]
    assert model["gates"]["gates"][0]["detail"] == "selection rate by sex and region"
    assert stackc("show", "stack.yaml", "--output", "r.html", cwd=loans).code == 0
    assert "Fairness by sex, region" in (loans / "r.html").read_text("utf-8")


def test_values_of_a_tagged_column_are_in_no_message(loans: Path) -> None:
    """The report may show them, for the policy lets it."""
    spec = SPEC.replace("<= 0.9", "<= 0.001")
    (loans / "people.csv").write_text(
        (loans / "people.csv").read_text().replace(",m,", ",SECRET-M,").replace(",f,", ",SECRET-F,")
    )
    (loans / "stack.yaml").write_text(spec, "utf-8")
    answer = stackc("apply", "stack.yaml", cwd=loans)
    assert answer.code == 1
    assert "selection rate by sex and region" in answer.err
    assert "(hidden), south: 0." in answer.out
    assert "SECRET" not in answer.text
    told = [*(loans / ".stackc").glob("*.log"), *(loans / ".stackc" / "logs").glob("*")]
    assert all("SECRET" not in path.read_text("utf-8") for path in told)
    assert stackc("show", "stack.yaml", "--output", "r.html", cwd=loans).code == 0
    assert "SECRET-F" in (loans / "r.html").read_text("utf-8")
    history = stackc("history", "stack.yaml", cwd=loans)
    assert "E707" in history.out
    assert "SECRET" not in history.out


def test_a_sweep_has_the_gates_on_fairness_in_its_table(loans: Path) -> None:
    point = "+models.repays.evaluation.threshold=0.5,0.999"
    answer = stackc(
        "apply",
        "stack.yaml",
        "-m",
        point,
        "--sort",
        WORST,
        'models.repays.gates=["demographic_parity_difference <= 0.2"]',
        cwd=loans,
    )
    rows = [" ".join(line.split()) for line in answer.out.splitlines()]
    head = next(row for row in rows if row.startswith("point threshold"))
    assert WORST in head
    best, other = rows[rows.index(head) + 1 : rows.index(head) + 3]
    assert best.split()[1] == "0.999", "nobody is selected, so nobody is favoured"
    assert "demographic_parity_difference <= 0.2" in other


def test_what_has_tags_and_what_asks_for_no_fairness_is_shown_as_done(loans: Path) -> None:
    """Neither is part of a key, so the report must not ask the state for it."""
    (loans / "stack.yaml").write_text(
        SPEC.replace("{sensitive: [sex, region]}", "null").replace(
            "    gates: [demographic_parity_difference <= 0.9]\n", ""
        ),
        "utf-8",
    )
    assert stackc("apply", "stack.yaml", cwd=loans).code == 0
    compiled = compile_spec(loans / "stack.yaml")
    with open_project(loans, write=False) as project:
        nodes = run_view(project, compiled, "stackc").nodes
    assert {node.address: nodes[node.address].status for node in compiled.graph} == {
        node.address: "done" for node in compiled.graph
    }
