from __future__ import annotations

from pathlib import Path

from compiler.engine.project import open_project
from tests.engine.support import Told, actions, line, plan, run, write_numbers


def test_a_first_apply_makes_everything_and_a_second_does_nothing(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    assert set(actions(plan(root, line())).values()) == {"run", "create"}
    assert not (root / ".stackc").exists()
    told = Told()
    result = run(root, line(), listener=told)
    assert result.diagnostics == ()
    assert result.status == "done"
    assert ("progress", "datasets.plus/query", "3 numbers") in told.lines
    with open_project(root, write=False) as project:
        assert project.document("models.double/train", "table") == [4, 6, 8]
        assert project.document("models.double/register", "card") == {"name": "double", "count": 3}
    assert plan(root, line()).empty
    assert run(root, line()).status == "nothing"
