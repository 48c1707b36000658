"""A disk that is full at any point: an error that says so, and the next apply goes on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from compiler.diagnostics import StackcError
from compiler.engine import durable
from tests.engine.support import plan, run, write_numbers
from tests.engine.test_killed import AFTER, BEFORE, fast, first, picture

__all__ = ["fast"]

NO_WRITE = {
    "action.committed", "task.begin", "task.done", "deliver.begin", "deliver.done", "commit.done",
    "toy.before", "toy.after", "toy.deleted",
}  # fmt: skip
"""Points where a process may die, but where nothing is being written."""


class Full:
    """The disk is full from the so-many-th point on, for so many points."""

    def __init__(self, number: int, points: int) -> None:
        self.left = number
        self.points = points
        self.met = False

    def __call__(self, name: str) -> None:
        self.left -= 1
        if -self.points <= self.left < 0 and name not in NO_WRITE:
            self.met = True
            raise OSError(errno.ENOSPC, "No space left on device")


def codes_of(root: Path, hook: Full) -> set[str] | None:
    """The codes a run ends with; None when it ended well."""
    with durable.injected(hook):
        try:
            result = run(root, AFTER)
        except StackcError as error:
            return {found.code.value for found in error.diagnostics}
    found = {d.code.value for d in result.diagnostics}
    assert result.ok or result.failed
    return None if result.ok and not found else found


def test_a_disk_that_is_full_at_any_point_loses_nothing(fast: Path) -> None:
    root, start = fast / "here", fast / "start"
    write_numbers(root)
    first(root)
    shutil.copytree(root, start)
    assert run(root, AFTER).ok
    expected = picture(root)
    for number in range(1000):
        shutil.rmtree(root)
        shutil.copytree(start, root)
        hook = Full(number, 1 if number % 2 else 3)
        codes = codes_of(root, hook)
        if not hook.met and codes is None and number > 100:
            break
        assert codes is None or codes <= {"E712", "W701"}, f"full at point {number}"
        assert run(root, AFTER).ok
        found = picture(root)
        for what in ("nodes", "effects", "shelves"):
            assert found[what] == expected[what], f"full at point {number}: {what}"
        assert plan(root, AFTER).empty
    assert number > 100
    assert plan(root, BEFORE).work
