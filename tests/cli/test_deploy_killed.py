"""Law 4 with effects on the host: killed while it deploys or goes back, nothing happens twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compiler.engine import journal, outbox
from compiler.engine.project import open_project
from tests.cli.test_deploy import KEY, revision, shop
from tests.house.cli import ROOT, stackc

__all__ = ["shop"]
pytestmark = pytest.mark.xdist_group("hosts")

POINTS = (
    "journal.begin", "task.begin", "place.synced", "place.renamed", "task.done", "commit.ready",
    "commit.done",
)  # fmt: skip
"""Where a process dies in turn."""

DRIVER = """
import os, signal, sys
from compiler.engine import durable

kind, left, *arguments = sys.argv[1:]
left = int(left)

def hook(name):
    global left
    if name == kind:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from compiler.cli import main
with durable.injected(hook):
    sys.argv[1:] = arguments
    main()
"""
WIDE, NARROW = "models.bought.features=[age,income]", "models.bought.features=[age]"


def dies(folder: Path, kind: str, number: int, *arguments: str) -> bool:
    """Run a command in a process that dies at the so-many-th point of a kind; False: it ended."""
    found = subprocess.run(
        [sys.executable, "-c", DRIVER, kind, str(number), *arguments],
        cwd=folder,
        env={**os.environ, **KEY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert found.returncode in (-9, 0), found.stdout + found.stderr
    return found.returncode == -9


def told(folder: Path) -> Counter[tuple[int, int | None]]:
    """How often each change was told: the revision, and which one it came back from."""
    with open_project(folder, write=False) as project:
        assert journal.open_entries(project.state) == ()
        changes = [e for e in outbox.events(project.state, None) if e.type == "deployment.changed"]
    data = [event.body["data"] for event in changes]
    return Counter((entry["revision"], entry.get("rolled_back_from")) for entry in data)


def apply(folder: Path, override: str) -> None:
    """Apply to the end."""
    answer = stackc("apply", "stack.yaml", override, "--yes", cwd=folder, environment=KEY)
    assert answer.code == 0, answer.text


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.soak) for number in range(1, 8))]
)
def test_killed_while_it_deploys(shop: Path, number: int) -> None:
    """Whatever is cut off, the next apply leaves one new revision, told once."""
    apply(shop, NARROW)
    apply(shop, WIDE)
    for turn, kind in enumerate(POINTS):
        wanted = (NARROW, WIDE)[turn % 2]
        before = revision(shop)
        dies(shop, kind, number, "apply", "stack.yaml", wanted, "--yes")
        assert revision(shop) in (before, before + 1), "something answers all the time"
        apply(shop, wanted)
        assert revision(shop) == before + 1
    assert set(told(shop).values()) == {1}


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.soak) for number in range(1, 4))]
)
def test_killed_while_it_goes_back(shop: Path, number: int) -> None:
    """Asked again it goes back once; where it went back already, it says so."""
    apply(shop, NARROW)
    for kind in POINTS:
        apply(shop, WIDE)
        newest = revision(shop)
        arguments = ("rollback", "stack.yaml", "api", WIDE)
        dies(shop, kind, number, *arguments)
        answer = stackc(*arguments, cwd=shop, environment=KEY)
        assert answer.code == 0 or "rolled back already" in answer.err, answer.text
        assert revision(shop) < newest
    assert set(told(shop).values()) == {1}
