"""One writer at a time; readers are not in its way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from compiler.diagnostics import StackcError
from compiler.engine import rows
from compiler.engine.project import open_project
from tests.engine.support import line, plan, run, write_numbers
from tests.engine.test_workers import ROOT

HOLD = """
import sys
from pathlib import Path
from compiler.engine import rows
from compiler.engine.project import open_project
with open_project(Path(sys.argv[1]), write=True):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holding(script: str, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs the script and has come to hold the project."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder


def test_two_writers_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    run(root, line())
    with holding(HOLD, root) as holder:
        with pytest.raises(StackcError, match=f"process {holder.pid}") as error:
            open_project(root, write=True)
        assert error.value.diagnostics[0].code.value == "E603"
        assert plan(root, line()).empty
        holder.kill()
    assert run(root, line()).status == "nothing"


BEGIN = HOLD.replace(
    '    print("held"',
    """    from compiler.engine import rows
    with project.state.transaction(changes=False):
        rows.begin_run(project.state, rows.RunRow(
            0, "r", "apply", "toys", "", rows.now(), None, "running", {}, ()))
    print("held\"""",
).replace("write=True):", "write=True) as project:")


def test_a_run_is_running_while_its_process_lives_and_interrupted_after(tmp_path: Path) -> None:
    with holding(BEGIN, tmp_path) as holder:
        assert statuses(tmp_path) == ["running"]
        holder.kill()
    assert statuses(tmp_path) == ["interrupted"]


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ("", "interrupted"),
        ("[1]", "interrupted"),
        (json.dumps({"pid": 2**70, "host": socket.gethostname()}), "running"),
        (json.dumps({"pid": "x", "host": socket.gethostname()}), "running"),
        (json.dumps({"pid": 1, "host": "another-machine"}), "running"),
    ],
)
def test_who_signed_the_lock_says_whether_a_run_goes_on(
    tmp_path: Path, record: str, status: str
) -> None:
    with open_project(tmp_path, write=True) as project, project.state.transaction():
        open_run = rows.RunRow(0, "r", "apply", "t", "", rows.now(), None, "running", {}, ())
        rows.begin_run(project.state, open_run)
    (tmp_path / ".stackc" / "lock").write_text(record)
    assert statuses(tmp_path) == [status]


def statuses(root: Path) -> list[str]:
    """How the runs stand, for somebody who only looks."""
    with open_project(root, write=False) as project:
        return [run.status for run in project.runs()]


def test_the_lock_is_let_go_of_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), open_project(tmp_path, write=True):
        raise ValueError("mine")
    open_project(tmp_path, write=True).close()


def test_a_lock_record_that_is_torn_still_locks(tmp_path: Path) -> None:
    with open_project(tmp_path, write=True):
        (tmp_path / ".stackc" / "lock").write_text('{"pid": 1')
        with pytest.raises(StackcError, match="another process"):
            open_project(tmp_path, write=True)
