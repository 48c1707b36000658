"""Stored files that are missing or damaged, states that are newer, damaged or not writable."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from compiler.diagnostics import Findings, StackcError
from compiler.engine import durable, rows, state
from compiler.engine.planning import make_plan
from compiler.engine.project import open_project, require_applied
from compiler.engine.state import State
from tests.engine.support import LIMITS, actions, line, lowered, plan, reasons, run, write_numbers

TRAINED = "models.double/train"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which ``line`` is applied."""
    write_numbers(tmp_path)
    assert run(tmp_path, line()).ok
    return tmp_path


def stored(root: Path, address: str) -> Path:
    with open_project(root, write=False) as project:
        found = project.artifact(address, "table")
    assert found is not None
    return found


def overwrite(path: Path, data: bytes, *, quietly: bool = False) -> None:
    """Damage a file; quietly: so that its time, size and inode tell nothing."""
    times = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
    if quietly:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_missing_result_is_made_again(root: Path) -> None:
    stored(root, TRAINED).unlink()
    made = plan(root, line())
    assert actions(made)[TRAINED] == "run"
    assert reasons(made, TRAINED) == ["result missing from the store"]
    assert run(root, line()).ok
    assert stored(root, TRAINED).exists()


def test_a_damaged_result_is_made_again_and_says_so(root: Path) -> None:
    overwrite(stored(root, TRAINED), b"[0, 0, 0]")
    with open_project(root, write=False, limits=LIMITS) as project:
        assert project.document(TRAINED, "table") is None
        findings = Findings()
        made = make_plan(project, line(), lowered(line()), findings)
    assert [found.code.value for found in findings.warnings] == ["W702"] * len(findings.warnings)
    assert findings.warnings
    assert TRAINED in actions(made)
    assert run(root, line()).ok
    with open_project(root, write=False) as project:
        assert project.document(TRAINED, "table") == [4, 6, 8]


def test_damage_that_leaves_no_trace_is_found_before_a_task_reads_it(root: Path) -> None:
    plus = stored(root, "datasets.plus/query")
    overwrite(plus, b"[9, 9, 9]", quietly=True)
    assert plan(root, line()).empty
    result = run(root, line(mood="gentle"))
    assert result.ok
    assert [found.code.value for found in result.diagnostics] == ["W702"]
    assert {done.address for done in result.finished} >= {"datasets.plus/query", TRAINED}
    with open_project(root, write=False) as project:
        assert project.document(TRAINED, "table") == [4, 6, 8]
    assert plan(root, line(mood="gentle")).empty


def test_damage_behind_damage_is_mended_too(root: Path) -> None:
    for address in ("sources.numbers/publish", "datasets.plus/query"):
        overwrite(stored(root, address), b"[8, 8, 8]", quietly=True)
    result = run(root, line(mood="gentle"))
    assert result.ok
    with open_project(root, write=False) as project:
        assert project.document(TRAINED, "table") == [4, 6, 8]


def test_data_that_changes_while_it_is_read_is_no_result(root: Path) -> None:
    (root / "numbers.txt").write_text("1 1 1")

    def hook(name: str) -> None:
        if name == "task.begin":
            (root / "numbers.txt").write_text("6 6 6")

    with durable.injected(hook):
        result = run(root, line())
    assert [found.code.value for found in result.diagnostics] == ["E702"]
    assert run(root, line()).ok
    with open_project(root, write=False) as project:
        assert project.document(TRAINED, "table") == [14, 14, 14]


def test_a_newer_state_is_refused(root: Path) -> None:
    with sqlite3.connect(root / ".stackc" / "state.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for write in (True, False):
        with pytest.raises(StackcError, match="version 99") as error:
            open_project(root, write=write)
        assert error.value.diagnostics[0].code.value == "E601"


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("how", ["text", "half", "middle", "emptied", "a byte", "gone"])
def test_a_damaged_state_is_refused_and_the_backup_is_the_way_out(
    root: Path, how: str, write: bool
) -> None:
    path = root / ".stackc" / "state.db"
    data = path.read_bytes()
    path.write_bytes(
        {
            "text": b"this is no database, whatever its name says" * 100,
            "half": data[: len(data) // 2],
            "middle": data[:4096] + b"\xff" * 8192 + data[12288:],
            "emptied": b"",
            "a byte": b"x",
            "gone": b"",
        }[how]
    )
    if how == "gone":
        path.unlink()
    with pytest.raises(StackcError) as error, open_project(root, write=write) as project:
        project.nodes()
    (found,) = error.value.diagnostics
    assert found.code.value == "E602"
    assert "state.backup.db" in found.help[0]
    for left in (root / ".stackc").glob("state.db*"):
        left.unlink()
    (root / ".stackc" / "state.backup.db").rename(path)
    assert plan(root, line()).empty


def test_an_older_state_is_migrated_in_one_transaction(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / ".stackc" / "state.db"
    broken = (*state.MIGRATIONS, ("CREATE TABLE more (x TEXT) STRICT", "CREATE NONSENSE"))
    monkeypatch.setattr(state, "MIGRATIONS", broken)
    with pytest.raises(StackcError):
        State.open(path)
    mended = (*state.MIGRATIONS[:-1], ("CREATE TABLE more (x TEXT) STRICT",))
    monkeypatch.setattr(state, "MIGRATIONS", mended)
    looked = State.read(path)
    assert looked.version == len(mended)
    assert len(rows.nodes(looked)) == 5
    looked.close()
    opened = State.open(path)
    assert opened.version == len(mended)
    assert len(rows.nodes(opened)) == 5
    opened.close()


def test_a_project_that_was_never_applied_has_nothing_to_show(tmp_path: Path) -> None:
    with open_project(tmp_path, write=False) as project, pytest.raises(StackcError) as error:
        require_applied(project)
    assert error.value.diagnostics[0].code.value == "E606"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".stackc").write_text("a file stands in the way")
    with pytest.raises(StackcError) as error:
        open_project(tmp_path, write=True)
    assert error.value.diagnostics[0].code.value == "E607"
    with pytest.raises(StackcError):
        open_project(tmp_path / "nowhere", write=True)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE nodes SET outputs = '{'",
        "UPDATE nodes SET outputs = '[1]'",
        "UPDATE nodes SET inputs = 'null', settings = x'ff'",
        "UPDATE runs SET counts = ''",
        "UPDATE meta SET value = 'x' WHERE name = 'serial'",
        "DELETE FROM meta",
        "DROP TABLE nodes",
    ],
)
def test_rows_that_make_no_sense_are_damage(root: Path, sql: str) -> None:
    with sqlite3.connect(root / ".stackc" / "state.db") as connection:
        try:
            connection.execute(sql)
        except sqlite3.IntegrityError:
            connection.execute("DELETE FROM meta")
    connection.close()
    with pytest.raises(StackcError) as error:
        plan(root, line())
        with open_project(root, write=False) as project:
            rows.runs(project.state)
    assert error.value.diagnostics[0].code.value == "E602"
