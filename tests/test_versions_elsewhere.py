"""The quickstart with its versions in DVC and in lakeFS: the same results as on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import copied
from tests.house.cli import stackc_process
from tests.lakefs_double.contract import QUIET
from tests.lakefs_double.server import Double

pytestmark = QUIET

OWN = {"version", "registration", "training", "profile", "drift"}
"""Outputs that name the moment, or are sketches: no two runs give the same bytes."""


def nodes(folder: Path, *overrides: str) -> dict[str, Any]:
    """Each node's key, summary, and the digests of what came out."""
    answer = stackc_process("status", "stack.yaml", *overrides, "--format", "json", cwd=folder)
    assert answer.code == 0, answer.text
    return {
        node["address"]: (
            node["key"],
            {name: value for name, value in node["summary"].items() if name != "seconds"},
            {name: digest for name, digest in node["outputs"].items() if name not in OWN},
        )
        for node in json.loads(answer.out)["nodes"]
    }


def same_as_here(local: Path, folder: Path, *overrides: str) -> None:
    """Apply the quickstart with other backends; it comes to the same, and to rest."""
    project = copied("quickstart", folder / "quickstart")
    for expected in (" created, ", "nothing to do"):
        answer = stackc_process("apply", "stack.yaml", *overrides, "--yes", cwd=project)
        assert answer.code == 0, answer.text
        assert expected in answer.text
    assert nodes(project, *overrides) == nodes(local)


def test_dvc(applied_quickstart: Path, tmp_path: Path) -> None:
    pytest.importorskip("dvc")
    same_as_here(applied_quickstart, tmp_path, "backends/version=dvc")


def test_lakefs(applied_quickstart: Path, tmp_path: Path, double: Double) -> None:
    pytest.importorskip("lakefs")
    same_as_here(
        applied_quickstart,
        tmp_path,
        "backends/version=lakefs",
        f"backends.version.endpoint={double.endpoint}",
        "backends.version.storage_namespace=s3://lake/quickstart",
    )
    tags = {*double.state.repositories["stackc"].tags}
    assert tags == {
        f"{name}-1"
        for name in (
            "sources.tumours",
            "sources.later",
            "datasets.cases",
            "predictions.verdicts",
        )
    }
    assert {*double.state.repositories["stackc"].branches} == {"main"}
