"""An apply that is killed while workers train, and the one after it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from compiler.engine import rows
from compiler.engine.project import open_project
from tests.house.cli import PLAIN, ROOT, command, stackc_process
from tests.ray_cluster import unfinished

pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.soak]

APPLY = (
    "apply",
    "stack.yaml",
    "--yes",
    "backends=ray",
    "backends.train.workers=2",
    "models.malignancy.early_stopping=null",
    "models.malignancy.algorithm.kind=xgboost",
    "models.malignancy.algorithm.learning_rate=0.01",
    "models.malignancy.algorithm.n_estimators=3000",
    "+models.malignancy.algorithm.subsample=0.8",
)
TRAINED = "models.malignancy/train"


def test_it_goes_on_from_the_last_checkpoint(example: Any) -> None:
    folder: Path = example("quickstart")
    environment = {**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(command(*APPLY), cwd=folder, env=environment, start_new_session=True)
    until = time.monotonic() + 240
    while not unfinished(folder):
        assert first.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    again = stackc_process(*APPLY, cwd=folder)
    assert again.code == 0, again.text
    with open_project(folder, write=False) as project:
        summary = rows.nodes(project.state)[TRAINED].summary
    assert summary["rounds"] == 3000
    assert summary["resumed_after_rounds"]
    assert not unfinished(folder)
