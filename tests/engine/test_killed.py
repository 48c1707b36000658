"""Law 4: killed at every point where anything is written, resumed, equal to an unkilled run."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from compiler.engine import durable, journal, outbox
from compiler.engine.project import open_project
from compiler.graph.node import Graph, Node
from tests.engine.support import channel, graph, node, plan, run, take_away, write_numbers
from tests.engine.toybackend import Add, Numbers, Shelve

Scenario = Callable[[Path], None]


def stack(amount: int, *more: Node) -> Graph:
    """Like ``line``, all in threads, so that a thousand kills stay cheap."""
    return graph(
        node("sources.numbers/read", Numbers("numbers.txt")),
        node("sources.numbers/publish", Shelve("numbers"), table="sources.numbers/read"),
        node("datasets.plus/query", Add(amount), table="sources.numbers/publish"),
        node("models.double/register", Shelve("double"), table="datasets.plus/query"),
        channel(("run.finished", "model.registered")),
        *more,
    )


EXTRA = node("models.extra/register", Shelve("extra"), table="datasets.plus/query")
BEFORE, AFTER = stack(1, EXTRA), stack(2)


def first(root: Path) -> None:
    """From nothing."""
    assert run(root, BEFORE).ok


def second(root: Path) -> None:
    """An update, a deletion, and a step that changes."""
    assert run(root, AFTER).ok


def away(root: Path) -> None:
    """Everything goes."""
    assert take_away(root).ok


@contextmanager
def dying(number: int) -> Iterator[None]:
    """Kill this process the hard way at the so-many-th point."""
    left = number

    def hook(_name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with durable.injected(hook):
        yield


def killed(scenario: Scenario, root: Path, number: int) -> bool:
    """Run a scenario in a process that dies at a point; False when it came to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with dying(number):
                scenario(root)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def picture(root: Path) -> dict[str, Any]:
    """What must be equal: rows but for their times, files, and that each effect happened once."""
    with open_project(root, write=False) as project:
        nodes = {
            address: replace(row, run="", seconds=0.0, finished="")
            for address, row in project.nodes().items()
        }
        told = [(event.type, event.subject) for event in outbox.events(project.state)]
        assert journal.open_entries(project.state) == ()
        objects = sorted(digest for digest, _ in project.store.objects())
        assert project.state.execute("PRAGMA integrity_check") == [("ok",)]
    effects = (root / "effects.log").read_text().split()
    assert len(set(effects[1::2])) == len(effects) // 2, "an effect happened twice"
    shelves = sorted((root / "shelves").glob("*"))
    return {
        "nodes": str(nodes).replace(str(root), "ROOT"),
        "told": sorted(set(told)),
        "objects": objects,
        "effects": sorted(effects[0::2]),
        "shelves": [(s.name, s.read_bytes()) for s in shelves if s.suffix == ".json"],
        "left": sorted(p.name for p in (root / ".stackc" / "tmp").glob("*")),
    }


def mail(root: Path) -> set[str]:
    path = root / "ops.mail"
    return set(path.read_text().split("\n")) if path.exists() else set()


@pytest.fixture
def fast() -> Iterator[Path]:
    """A folder in memory where there is one: a kill asks nothing of the disk."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="stackc-test-", dir=parent) as folder:
        yield Path(folder)


@pytest.mark.parametrize("scenario", [first, second, away])
def test_law_4_killed_anywhere_and_resumed_equals_unkilled(scenario: Scenario, fast: Path) -> None:
    root, start = fast / "here", fast / "start"
    write_numbers(root)
    if scenario is not first:
        first(root)
    shutil.copytree(root, start)
    scenario(root)
    expected = picture(root)
    number = 0
    while True:
        # The same folder each time: a resource knows where it stands.
        shutil.rmtree(root)
        shutil.copytree(start, root)
        if not killed(scenario, root, number):
            break
        if number % 3 == 0:
            killed(scenario, root, 3 + number // 3)
        before = mail(root)
        scenario(root)
        found = picture(root)
        for what, value in expected.items():
            assert found[what] == value, f"killed at point {number}: {what}"
        assert before <= mail(root)
        if scenario is not away:
            assert plan(root, BEFORE if scenario is first else AFTER).empty
        number += 1
    assert number > 20
