"""One writer at a time; readers are not in its way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compiler.diagnostics import StackcError
from compiler.engine.project import open_project
from tests.engine.support import line, plan, run, write_numbers
from tests.engine.test_workers import ROOT

HOLD = """
import sys
from pathlib import Path
from compiler.engine.project import open_project
with open_project(Path(sys.argv[1]), write=True):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_two_writers_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    run(root, line())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StackcError, match=f"process {holder.pid}") as error:
            open_project(root, write=True)
        assert error.value.diagnostics[0].code.value == "E603"
        assert plan(root, line()).empty
        holder.kill()
    assert run(root, line()).status == "nothing"


def test_the_lock_is_let_go_of_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), open_project(tmp_path, write=True):
        raise ValueError("mine")
    open_project(tmp_path, write=True).close()


def test_a_lock_record_that_is_torn_still_locks(tmp_path: Path) -> None:
    with open_project(tmp_path, write=True):
        (tmp_path / ".stackc" / "lock").write_text('{"pid": 1')
        with pytest.raises(StackcError, match="another process"):
            open_project(tmp_path, write=True)
