"""Compiling a sweep: each point is a spec of its own, and what they share is looked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.files import inspect
from compiler.graph.types import Column
from compiler.pipeline import compile_spec
from compiler.sweep.compile import compile_sweep
from tests.load.helpers import findings_of, write

SPEC = """\
stackc: 1
name: shop
sources:
  orders: {path: orders.csv}
datasets:
  large:
    sql: select * from orders where amount > 5
    split: {train: 0.5, test: 0.5, seed: 1}
"""
SEED = "datasets.large.split.seed"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "stack.yaml": SPEC,
            "orders.csv": "id,amount\n1,10.5\n2,99.0\n3,3.0\n",
            "later.csv": "id,amount,returned\n1,10.5,true\n2,99.0,false\n",
        },
    )


def test_columns_are_inferred_once_and_said_once(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    infer = inspect.inspect_files

    def looking(*arguments: Any) -> tuple[Column, ...]:
        looked.append(arguments[0])
        return infer(*arguments)

    monkeypatch.setattr(inspect, "inspect_files", looking)
    sweep = compile_sweep(spec, [f"{SEED}=1,2,3"])
    assert len(sweep.points) == 3
    assert looked == ["orders.csv"]
    assert [warning.code.value for warning in sweep.warnings] == ["W301"]
    assert "orders" in (spec.parent / "stackc.lock").read_text()
    assert compile_sweep(spec, [f"{SEED}=1,2"]).warnings == ()


def test_columns_that_differ_from_point_to_point_are_not_kept(spec: Path) -> None:
    sweep = compile_sweep(spec, ["sources.orders.path=orders.csv,later.csv"])
    assert len({point.addresses["sources.orders/ingest"] for point in sweep.points}) == 2
    assert not (spec.parent / "stackc.lock").exists()


def test_a_point_has_the_keys_of_the_spec_with_its_overrides(spec: Path) -> None:
    sweep = compile_sweep(spec, [f"{SEED}=1,2"])
    for point, seed in zip(sweep.points, (1, 2), strict=True):
        alone = compile_spec(spec, [f"{SEED}={seed}"]).graph
        for address, stands in point.addresses.items():
            assert sweep.graph.keys[stands] == alone.keys[address]


def test_no_argument_is_a_sweep_of_the_spec_as_it_is(spec: Path) -> None:
    (point,) = compile_sweep(spec).points
    assert point.point.overrides == ()
    assert set(point.addresses.values()) == set(point.addresses)


def test_a_finding_of_several_points_is_told_once_and_says_of_which(spec: Path) -> None:
    query = "datasets.large.sql='select nothing from orders','select * from orders'"
    (finding,) = findings_of(lambda: compile_sweep(spec, [query, f"{SEED}=1,2"]))
    assert finding.code.value == "E203"
    assert finding.notes[-1].startswith("in point 1 (")
    assert finding.notes[-1].endswith("and in 2")


def test_a_finding_of_all_points_names_none(spec: Path) -> None:
    query = "datasets.large.sql='select nothing from orders'"
    found = findings_of(lambda: compile_sweep(spec, [query, f"{SEED}=1,2"]))
    assert [finding.notes[-1] for finding in found] == ["in all 2 points"]


def test_the_same_arguments_are_the_same_sweep(spec: Path) -> None:
    first = compile_sweep(spec, [f"{SEED}=1,2"])
    assert compile_sweep(spec, [f"{SEED}=1,2"]).id == first.id
    assert compile_sweep(spec, [f"{SEED}=1,2,3"]).id != first.id
