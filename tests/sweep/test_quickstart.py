"""A sweep of the quickstart from end to end: tried, compared, extended, promoted, applied."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from compiler.engine.project import open_project
from tests.conftest import copied
from tests.engine.test_quickstart_killed import POINTS, apply_and_die
from tests.house.cli import Answer, stackc, stackc_process

DEPTH = "models.malignancy.algorithm.max_depth"
GATES = "models.malignancy.gates"
SWEEP = ("-m", f"{DEPTH}=1,4", f'{GATES}=["roc_auc >= 0.5"],["roc_auc >= 0.9999"]')


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart with a sweep tried: two trees, each held to two gates."""
    folder = copied("quickstart", tmp_path_factory.mktemp("tried") / "quickstart")
    answer = stackc_process("apply", "stack.yaml", *SWEEP, "--format", "json", cwd=folder)
    assert answer.code == 0, answer.text
    (folder / "answer.json").write_text(answer.out)
    return folder


@pytest.fixture
def here(tried: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(tried, tmp_path / "here"))


def document(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.out)
    return found


def first_answer(tried: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tried / "answer.json").read_text())
    return found


def test_the_answer_has_each_point_with_what_was_chosen_and_what_came_of_it(tried: Path) -> None:
    found = first_answer(tried)
    assert found["ok"]
    assert found["sweep"] == 1
    assert found["sorted_by"] == "malignancy.roc_auc"
    by_number = {point["point"]: point for point in found["points"]}
    assert sorted(by_number) == [1, 2, 3, 4]
    assert by_number[2]["choices"] == {DEPTH: 1, GATES: ["roc_auc >= 0.9999"]}
    assert by_number[1]["metrics"] == by_number[2]["metrics"]
    assert by_number[1]["metrics"] != by_number[3]["metrics"]
    values = [point["metrics"]["malignancy.roc_auc"] for point in found["points"]]
    assert values == sorted(values, reverse=True)


def test_a_missed_gate_is_told_and_fails_no_point(tried: Path) -> None:
    found = {point["point"]: point for point in first_answer(tried)["points"]}
    assert {point["status"] for point in found.values()} == {"done"}
    assert found[1]["gates_missed"] == []
    assert found[2]["gates_missed"] == ["malignancy: roc_auc >= 0.9999"]


def test_one_training_for_each_tree_and_one_reading_for_all(tried: Path) -> None:
    with open_project(tried, write=False) as project:
        made = project.state.execute("SELECT address FROM journal WHERE status = 'done'")
    steps = sorted(address for (address,) in made)
    assert [s for s in steps if s.endswith("/train")] == [
        "models.malignancy@1/train",
        "models.malignancy@3/train",
    ]
    assert [s for s in steps if s.startswith("sources")] == [
        "sources.tumours/ingest",
        "sources.tumours/publish",
        "sources.tumours/validate",
    ]
    assert len([s for s in steps if s.endswith("/gates")]) == 4


def test_the_table_is_kept_as_parquet(tried: Path) -> None:
    place = first_answer(tried)["table"]
    assert place == ".stackc/sweeps/1.parquet"
    table = pq.read_table(tried / place)
    rows = {row["point"]: row for row in table.to_pylist()}
    assert table.schema.names[:4] == ["point", "status", DEPTH, GATES]
    assert [rows[number][DEPTH] for number in (1, 2, 3, 4)] == [1, 1, 4, 4]
    assert json.loads(rows[2][GATES]) == ["roc_auc >= 0.9999"]
    assert rows[2]["gates_missed"] == ["malignancy: roc_auc >= 0.9999"]
    found = {point["point"]: point for point in first_answer(tried)["points"]}
    for number, row in rows.items():
        for metric, value in found[number]["metrics"].items():
            assert row[metric] == value


def test_the_same_sweep_again_has_nothing_to_do_and_the_same_table(here: Path) -> None:
    answer = stackc("apply", "stack.yaml", *SWEEP, "--format", "json", cwd=here)
    found = document(answer)
    assert found["status"] == "nothing"
    assert found["points"] == first_answer(here)["points"]


def test_points_are_ordered_by_the_metric_that_is_asked_for(here: Path) -> None:
    answer = stackc(
        "apply", "stack.yaml", *SWEEP, "--sort", "log_loss", "--format", "json", cwd=here
    )
    losses = [point["metrics"]["malignancy.log_loss"] for point in document(answer)["points"]]
    assert losses == sorted(losses)
    assert len(set(losses)) == 2


def test_a_plan_of_the_sweep_says_what_is_left_when_it_is_extended(here: Path) -> None:
    wider = ("-m", f"{DEPTH}=1,4,7", SWEEP[2])
    found = document(stackc("plan", "stack.yaml", *wider, "--format", "json", cwd=here))
    assert [point["run"] for point in found["points"][:4]] == [[], [], [], []]
    assert found["points"][4]["run"] == [
        "models.malignancy@5/train",
        "models.malignancy@5/package",
        "models.malignancy@5/evaluate",
        "models.malignancy@5/gates",
    ]


@pytest.mark.soak
def test_side_by_side_or_in_turn_the_models_are_the_same(tried: Path, tmp_path: Path) -> None:
    """Trainings share the threads of the machine; no result depends on how many there are."""
    alone = copied("quickstart", tmp_path / "alone")
    answer = stackc_process("apply", "stack.yaml", *SWEEP, "--workers", "1", cwd=alone)
    assert answer.code == 0, answer.text
    assert models(alone) == models(tried)
    assert len(models(alone)) == 5  # the features, and an estimator and a package of each tree


@pytest.mark.soak
def test_law_4_killed_over_and_over_the_sweep_comes_to_the_same(
    tried: Path, tmp_path: Path
) -> None:
    here = copied("quickstart", tmp_path / "killed")
    kills = 0
    while apply_and_die(here, POINTS[kills % len(POINTS)], *SWEEP):
        kills += 1
        assert kills < 60
    assert kills >= 8
    assert models(here) == models(tried)
    again = document(stackc("apply", "stack.yaml", *SWEEP, "--format", "json", cwd=here))
    told = ("point", "status", "metrics", "gates_missed")
    assert [[p[name] for name in told] for p in again["points"]] == [
        [p[name] for name in told] for p in first_answer(tried)["points"]
    ]


def models(folder: Path) -> set[str]:
    """The digests of all models that were made."""
    with open_project(folder, write=False) as project:
        found = project.state.execute("SELECT outputs FROM results")
        made = [outputs for (text,) in found for outputs in json.loads(text).values()]
    return {str(stored) for stored in made if "onnx" in str(stored)}


def test_nothing_was_applied(tried: Path) -> None:
    with open_project(tried, write=False) as project:
        assert project.nodes() == {}
        assert project.state.serial == 0
    assert not (tried / ".stackc" / "registry").exists()
    found = document(stackc("plan", "stack.yaml", "--format", "json", cwd=tried))
    assert "delete" not in {change["action"] for change in found["changes"]}


def test_a_promoted_point_is_applied_without_a_training(here: Path) -> None:
    answer = stackc("promote", "stack.yaml", "1", "--yes", cwd=here)
    assert answer.code == 0, answer.text
    found = document(stackc("plan", "stack.yaml", "--format", "json", cwd=here))
    actions = {change["address"]: change["action"] for change in found["changes"]}
    model = {a: actions[a] for a in actions if a.startswith("models.malignancy/")}
    assert model == {
        "models.malignancy/features": "reuse",
        "models.malignancy/train": "reuse",
        "models.malignancy/package": "reuse",
        "models.malignancy/evaluate": "reuse",
        "models.malignancy/gates": "reuse",
        "models.malignancy/register": "create",
    }


def test_the_screen_shows_the_best_point_first_and_how_to_promote_it(here: Path) -> None:
    answer = stackc("apply", "stack.yaml", *SWEEP, cwd=here)
    lines = answer.out.split("\n")
    head = lines.index("Sweep 1: 4 points, by malignancy.roc_auc")
    best = first_answer(here)["points"][0]["point"]
    heads = "point  max_depth  gates roc_auc recall precision accuracy log_loss"
    assert lines[head + 1].split() == heads.split()
    assert lines[head + 2].split()[0] == str(best)
    assert "missed roc_auc >= 0.9999" in answer.out
    assert f"stackc promote stack.yaml {best}" in answer.out
