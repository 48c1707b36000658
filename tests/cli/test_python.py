"""The public Python face."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stackc
from tests.cli.test_apply import ORDERS, shop
from tests.house.cli import ROOT

__all__ = ["shop"]


def test_importing_it_is_light() -> None:
    heavy = "{'duckdb', 'pyarrow', 'hydra', 'onnx', 'sqlglot', 'yaml', 'pandas', 'rich', 'typer'}"
    program = f"import sys, stackc; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_everything_promised_is_there() -> None:
    for name in stackc.__all__:
        assert getattr(stackc, name) is not None


def test_compile_plan_apply_and_read(shop: Path) -> None:
    spec = shop / "stack.yaml"
    compiled = stackc.compile(spec, "name=store")
    assert compiled.stack.name == "store"
    assert len(compiled.graph) > 0
    assert stackc.plan(spec).counts.keys() == {"run", "create"}
    result = stackc.apply(str(spec))
    assert result.run.status == "done"
    table = result.table("sources.orders")
    assert table.column("id").to_pylist() == [1, 2]
    assert result.documents.version["sources.orders"]["number"] == 1
    assert stackc.plan(spec).empty
    assert stackc.apply(spec, workers=1).run.status == "nothing"
    assert (
        result.report(shop / "r.html").read_text("utf-8").lstrip().lower().startswith("<!doctype")
    )


def test_what_is_not_there_is_named(shop: Path) -> None:
    result = stackc.apply(shop / "stack.yaml")
    for ask in (
        lambda: result.table("sources.order"),
        lambda: result.table("sources.orders", "train"),
        lambda: result.model("late"),
    ):
        with pytest.raises(stackc.StackcError) as caught:
            ask()
        assert caught.value.diagnostics[0].code is stackc.Code.UNKNOWN_BLOCK
    with pytest.raises(stackc.StackcError) as near:
        result.table("sources.order")
    assert near.value.diagnostics[0].message == "there is no block `sources.order`"
    assert near.value.diagnostics[0].help == ("did you mean `sources.orders`?",)


def test_what_is_wrong_is_raised_and_can_be_rendered(shop: Path) -> None:
    with pytest.raises(stackc.StackcError) as caught:
        stackc.compile(shop / "stack.yaml", "sources.orders.pth=x")
    assert "error[E1" in stackc.rendered(caught.value)
    (shop / "orders.csv").write_text(ORDERS + "3,-1,Oslo\n", "utf-8")
    with pytest.raises(stackc.StackcError) as failed:
        stackc.apply(shop / "stack.yaml")
    shown = stackc.rendered(failed.value)
    assert shown.startswith("error[E706]")
    assert " --> " in shown
    assert "| " in shown
    (shop / "orders.csv").write_text(ORDERS, "utf-8")
    assert stackc.apply(shop / "stack.yaml").run.status == "done"


def test_a_model_and_its_metrics_are_at_hand(again: Path) -> None:
    result = stackc.apply(again / "stack.yaml")
    assert result.run.status == "nothing"
    assert (result.metrics["malignancy"]["roc_auc"] or 0) > 0.9
    assert result.gates["malignancy"]["passed"]
    assert result.drift["later_drift"]["windows"]
    assert result.model("malignancy").suffix == ".onnx"
    parts = [result.table("datasets.cases", part).num_rows for part in ("train", "test")]
    assert all(parts)
    assert result.table("predictions.verdicts").num_rows > 100


def test_a_plan_holds_declared_columns_against_the_data(shop: Path) -> None:
    (shop / "orders.csv").write_text("id\n1\n", "utf-8")
    with pytest.raises(stackc.StackcError, match=r"E32[57]"):
        stackc.plan(shop / "stack.yaml")
