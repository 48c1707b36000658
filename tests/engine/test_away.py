"""Garbage and destruction: what goes, and what stays."""

from __future__ import annotations

from pathlib import Path

from compiler.engine import outbox, rows
from compiler.engine.gc import collect_garbage
from compiler.engine.project import open_project
from tests.engine.support import actions, channel, line, plan, run, take_away, write_numbers


def test_garbage_is_what_neither_the_state_nor_the_last_runs_use(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    for amount in (1, 2, 3):
        assert run(root, line(amount)).ok
    with open_project(root, write=True) as project:
        (project.scratch / "left").mkdir(parents=True)
        (project.folder / "objects" / "ab").mkdir(exist_ok=True)
        (project.folder / "objects" / "ab" / "orphan.json").write_text("[]")
        kept = collect_garbage(project)
        assert (kept.objects, kept.results) == (1, 0)
        assert list(project.scratch.iterdir()) == []
    assert actions(plan(root, line(1)))["datasets.plus/query"] == "reuse"
    with open_project(root, write=True) as project:
        swept = collect_garbage(project, keep_runs=1)
        assert swept.results == 4
        assert swept.objects > 0
        assert swept.bytes > 0
    assert plan(root, line(3)).empty
    assert actions(plan(root, line(1)))["datasets.plus/query"] == "run"
    assert run(root, line(1)).ok


def test_destroy_leaves_the_history_only(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    run(root, line(extra=(channel(),)))
    result = take_away(root)
    assert result.ok
    assert list((root / "shelves").iterdir()) == []
    left = {path.name for path in (root / ".stackc").iterdir()}
    assert left <= {"state.db", "state.db-wal", "state.db-shm", "state.backup.db", "lock"}
    with open_project(root, write=False) as project:
        assert project.nodes() == {}
        assert [row.command for row in rows.runs(project.state)] == ["destroy", "apply"]
        assert outbox.events(project.state)
    assert take_away(root).status == "nothing"
    assert run(root, line()).ok
    assert plan(root, line()).empty
