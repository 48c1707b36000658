"""MLflow as a user meets it: a whole project that keeps its models there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.house.cli import ROOT, stackc_process

if find_spec("mlflow") is None:
    pytest.skip("mlflow is not installed", allow_module_level=True)

MLFLOW = "backends/register=mlflow"
DEEPER = "models.malignancy.algorithm.max_depth=3"


def applied(folder: Path, *overrides: str) -> dict[str, Any]:
    """What an apply decided: metrics, gates, versions, and what failed."""
    answer = stackc_process(
        "apply", "stack.yaml", *overrides, "--yes", "--format", "json", cwd=folder
    )
    assert answer.err == "", "nothing of MLflow reaches the terminal"
    said: dict[str, Any] = json.loads(answer.out)
    model = said["results"]["models"]["models.malignancy"]
    registered = {k: v for k, v in (model["registration"] or {}).items() if k != "created"}
    notes = {address: found[0]["notes"] for address, found in said["failed"].items()}
    return {
        **{key: model[key] for key in ("metrics", "slices", "gates")},
        "registered": registered,
        "failed": notes,
        "skipped": said["skipped"],
    }


def test_the_quickstart_decides_alike_in_mlflow(again: Path, tmp_path: Path) -> None:
    local = Path(shutil.copytree(again, tmp_path / "local"))
    applied(again, MLFLOW)
    there, here = applied(again, MLFLOW, DEEPER), applied(local, DEEPER)
    assert there == here
    assert (here["registered"]["version"], here["gates"]["passed"]) == (2, True)
    assert {path.name for path in again.iterdir()} == {path.name for path in local.iterdir()}


def test_compiling_for_it_imports_nothing_of_it(again: Path) -> None:
    program = (
        "import sys\nfrom compiler.pipeline import compile_spec\nfrom pathlib import Path\n"
        f"compile_spec(Path('stack.yaml'), [{MLFLOW!r}])\n"
        "print({'mlflow', 'pandas', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=again, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "set()"


def test_a_server_that_is_not_there_stops_the_plan_with_a_place_in_the_spec(again: Path) -> None:
    asked = "backends.register.tracking_uri=http://127.0.0.1:9"
    answer = stackc_process("plan", "stack.yaml", MLFLOW, asked, cwd=again)
    assert answer.code == 1
    assert "error[E721]: MLflow at `http://127.0.0.1:9` cannot be reached" in answer.err
    assert " --> stack.yaml:" in answer.err
