"""The laws of the design that concern whole runs, each a test of its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Laid
from tests.house.cli import stackc_process

EXAMPLES = ("quickstart", "flights")


def graph_of(folder: Path, **environment: str) -> bytes:
    """The canonical graph of a project, by a program of its own."""
    answer = stackc_process(
        "compile", "stack.yaml", "--out", "graph.json", cwd=folder, environment=environment
    )
    assert answer.code == 0, answer.text
    return (folder / "graph.json").read_bytes()


def reordered(value: Any) -> Any:
    """The same data with the keys of every mapping the other way round.

    Only `columns` stays: a table's columns have an order, and that is where it is written.
    """
    if isinstance(value, dict):
        return {
            key: value[key] if key == "columns" else reordered(value[key])
            for key in reversed(value)
        }
    if isinstance(value, list):
        return [reordered(item) for item in value]
    return value


@pytest.mark.parametrize("name", EXAMPLES)
def test_law_1_same_spec_same_graph(name: str, example: Laid, tmp_path: Path) -> None:
    here = example(name)
    first = graph_of(here, PYTHONHASHSEED="1", TZ="UTC")
    assert graph_of(here, PYTHONHASHSEED="2", TZ="Asia/Kathmandu", LC_ALL="C") == first
    elsewhere = Path(shutil.copytree(here, tmp_path / "else where" / "é"))
    assert graph_of(elsewhere, PYTHONHASHSEED="3") == first
    spec = elsewhere / "stack.yaml"
    data = reordered(yaml.safe_load(spec.read_text("utf-8")))
    spec.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    assert graph_of(elsewhere, PYTHONHASHSEED="4") == first


@pytest.mark.parametrize("name", EXAMPLES)
def test_law_2_a_key_depends_on_its_own_inputs_only(name: str, example: Laid) -> None:
    here = example(name)
    before = keys_of(json.loads(graph_of(here)))
    spec = here / "stack.yaml"
    text = spec.read_text("utf-8")
    spec.write_text(
        "# a comment\n"
        + text.replace("sources:\n", "sources:\n  unrelated:\n    path: data\n", 1).replace(
            "path: data\n", "path: data/none.csv\n    columns: {x: int64}\n", 1
        ),
        "utf-8",
    )
    after = keys_of(json.loads(graph_of(here)))
    assert set(after) > set(before)
    assert {address: after[address] for address in before} == before


def keys_of(graph: dict[str, Any]) -> dict[str, str]:
    """Every node's key by its address."""
    return {node["address"]: node["key"] for node in graph["nodes"]}


def test_law_3_plan_after_apply_is_empty_and_apply_does_nothing(again: Path) -> None:
    plan = stackc_process("plan", "stack.yaml", "--detailed-exitcode", cwd=again)
    assert plan.code == 0, plan.text
    before = objects_of(again)
    apply = stackc_process("apply", "stack.yaml", "--yes", cwd=again)
    assert apply.code == 0, apply.text
    assert objects_of(again) == before


def objects_of(folder: Path) -> dict[str, float]:
    """Every file of the store with the time it was written."""
    store = folder / ".stackc"
    return {
        str(path.relative_to(store)): path.stat().st_mtime
        for path in store.rglob("*")
        if path.is_file() and path.parent != store
    }
