"""Workers that die, tasks that fail, runs that are interrupted; what finished stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compiler.engine import journal, rows
from compiler.engine.project import open_project
from compiler.graph.node import Node
from tests.engine.support import Told, line, node, plan, run, write_numbers
from tests.engine.toybackend import Add, Heavy, Shelve

ROOT = Path(__file__).parent.parent.parent
BESIDE = (
    node("models.beside/train", Heavy("beside"), table="datasets.plus/query"),
    node("datasets.beside/query", Add(7), table="models.beside/train"),
)


@pytest.mark.parametrize(
    ("mood", "code", "says"),
    [
        ("killed", "E711", "SIGKILL"),
        ("bug", "E799", "RuntimeError"),
        ("full", "E712", "no space"),
        ("gate", "E707", "missed its gates"),
        ("wrong", "E799", r"made \[\], not \['table'\]"),
    ],
)
def test_a_failure_stops_its_descendants_only(
    tmp_path: Path, mood: str, code: str, says: str
) -> None:
    root, told = write_numbers(tmp_path), Told()
    result = run(root, line(mood=mood, extra=BESIDE), listener=told)
    assert result.status == "failed"
    ((address, (found,)),) = result.failed.items()
    assert (address, found.code.value) == ("models.double/train", code)
    assert re.search(says, found.message)
    assert found.place is not None
    assert result.skipped == {"models.double/register": "models.double/train"}
    assert ("skipped", "models.double/register", "models.double/train") in told.lines
    assert {done.address for done in result.finished} == {
        "sources.numbers/read",
        "sources.numbers/publish",
        "datasets.plus/query",
        "models.beside/train",
        "datasets.beside/query",
    }
    assert list((root / ".stackc" / "tmp").iterdir()) == []
    mended = run(root, line(extra=BESIDE))
    assert {done.address for done in mended.finished} == {
        "models.double/train",
        "models.double/register",
    }
    with open_project(root, write=False) as project:
        assert [row.status for row in rows.runs(project.state)] == ["done", "failed"]
        assert journal.open_entries(project.state) == ()


def test_an_unexpected_error_leaves_its_report_in_the_log_folder(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    result = run(root, line(mood="bug"))
    (found,) = result.diagnostics
    assert ".stackc/logs/models.double.train.txt" in found.help[0]
    report = (root / ".stackc" / "logs" / "models.double.train.txt").read_text()
    assert "RuntimeError: boom" in report
    assert "toybackend" in report


def test_what_libraries_print_goes_to_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = write_numbers(tmp_path)
    assert run(root, line()).ok
    assert capfd.readouterr() == ("", "")
    assert "library chatter" in (root / ".stackc" / "logs" / "worker-1.log").read_text()


def started(root: Path) -> subprocess.Popen[bytes]:
    """A run in a process of its own, in the middle of a slow task."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.engine.support import line, run\n"
        "result = run(Path(sys.argv[1]), line(mood='slow'))\n"
        "print(result.status, *[d.code.value for d in result.diagnostics])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)], cwd=ROOT, stdout=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not (root / "slow.started").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    return process


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, check=False, text=True
    )
    return [int(word) for word in listed.stdout.split()]


def gone(pid: int) -> bool:
    """Whether a process has ended, at the latest after some seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_cleanly_and_the_next_apply_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    root = write_numbers(tmp_path)
    process = started(root)
    workers = children(process.pid)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert output.split() == [b"interrupted", b"E716"]
    assert workers
    assert all(gone(pid) for pid in workers)
    assert set(plan(root, line()).counts) == {"keep", "run", "create"}
    result = run(root, line())
    assert [done.address for done in result.finished] == [
        "models.double/train",
        "models.double/register",
    ]


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    process = started(root)
    workers = children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    assert workers
    assert all(gone(pid) for pid in workers)
    assert run(root, line()).ok


def test_independent_tasks_run_side_by_side(tmp_path: Path) -> None:
    many: tuple[Node, ...] = tuple(
        node(f"datasets.d{n}/query", Add(n), table="datasets.plus/query") for n in range(12)
    )
    shelves = tuple(
        node(f"models.m{n}/register", Shelve(f"m{n}"), table=f"datasets.d{n}/query")
        for n in range(12)
    )
    root = write_numbers(tmp_path)
    result = run(root, line(extra=(*many, *shelves)))
    assert result.ok
    assert len(result.finished) == 29
