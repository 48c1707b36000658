"""Law 4 on real work: the quickstart, killed over and over on its way, equals an unkilled run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.engine import journal, outbox
from compiler.engine.project import open_project
from tests.conftest import Laid
from tests.house.cli import ROOT

POINTS = ("task.begin", "task.done", "place.synced", "place.renamed", "commit.ready", "commit.done")
"""Where a process dies in turn: around every effect, every stored file and every commit."""

DRIVER = """
import os, signal, sys
from compiler.engine import durable

kind, moved = sys.argv[1], False

def hook(name):
    global moved
    if moved and name == kind:
        os.kill(os.getpid(), signal.SIGKILL)
    moved = moved or name == "action.committed"

from compiler.cli import main
with durable.injected(hook):
    sys.argv[1:] = ["apply", "stack.yaml", *sys.argv[2:]]
    main()
"""


def apply_and_die(folder: Path, kind: str, *arguments: str) -> bool:
    """Apply in a process that dies at the first such point after some progress; False: it ended."""
    found = subprocess.run(
        [sys.executable, "-c", DRIVER, kind, *(arguments or ("--yes",))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert found.returncode in (-9, 0), found.stdout + found.stderr
    return found.returncode == -9


def picture(folder: Path) -> dict[str, Any]:
    """Keys, the digests of what is the same each time, and what happened outside."""
    with open_project(folder, write=False) as project:
        rows = project.nodes()
        assert journal.open_entries(project.state) == ()
        told = [event.type for event in outbox.events(project.state)]
        registered = project.document("models.malignancy/register", "registration")
    assert registered is not None
    same = {
        f"{address}:{name}": stored.digest
        for address, row in rows.items()
        for name, stored in row.outputs.items()
        if stored.suffix in (".parquet", ".onnx")
    }
    versions = sorted(
        path.relative_to(folder).as_posix() for path in (folder / ".stackc/versions").glob("*")
    )
    return {
        "keys": {address: row.key for address, row in rows.items()},
        "digests": same,
        "told": sorted(set(told)),
        "registered": told.count("model.registered"),
        "version": registered["version"],
        "versions": versions,
        "left": [path.name for path in (folder / ".stackc/tmp").iterdir()],
    }


@pytest.mark.parametrize(
    "turn", [0, *(pytest.param(turn, marks=pytest.mark.soak) for turn in range(1, len(POINTS)))]
)
def test_law_4_the_quickstart_killed_at_every_step_equals_unkilled(
    turn: int, applied_quickstart: Path, example: Laid
) -> None:
    here = example("quickstart")
    kills = 0
    while apply_and_die(here, POINTS[(turn + kills) % len(POINTS)]):
        kills += 1
        assert kills < 60
    assert kills >= 8
    assert picture(here) == picture(applied_quickstart)
    log = [
        json.loads(line)["id"]
        for line in (here / ".stackc/events.log").read_text().split("\n")
        if line
    ]
    assert len(set(log)) == len(log)
    shutil.rmtree(here)
