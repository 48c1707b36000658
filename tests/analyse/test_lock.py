"""stackc.lock: read back as written, mergeable by lines, and refused when damaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.lock import MERGED, Locked, difference, read_lock, render_lock
from compiler.diagnostics import StackcError
from compiler.graph.types import Column, DataType

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
COLUMNS = st.lists(
    st.builds(
        Column, TEXT, st.sampled_from([DataType("int64"), DataType("string")]), st.booleans()
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda column: column.name,
).map(tuple)
LOCKS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), COLUMNS, max_size=3)


@given(LOCKS)
def test_a_lock_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, tuple[Column, ...]]
) -> None:
    lock = {name: Locked("0123456789abcdef", found) for name, found in columns.items()}
    path = tmp_path_factory.mktemp("lock") / "stackc.lock"
    path.write_text(render_lock(lock), "utf-8")
    assert read_lock(path) == lock


def test_a_column_may_be_called_what_a_spec_refuses_as_a_key(tmp_path: Path) -> None:
    lock = {"a": Locked("1", (Column("_target_", DataType("int64")),))}
    path = tmp_path / "stackc.lock"
    path.write_text(render_lock(lock), "utf-8")
    assert read_lock(path) == lock


def test_two_sources_share_no_line() -> None:
    column = (Column("x", DataType("int64")),)
    one, two = render_lock({"a": Locked("1", column)}), render_lock({"b": Locked("2", column)})
    both = render_lock({"a": Locked("1", column), "b": Locked("2", column)})
    assert set(both.splitlines()) == set(one.splitlines()) | set(two.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "sources: 3",
        "sources: {a: {columns: {}}}",
        "\x00",
        "a b",
        'a 0f 0000 "x"',
        'a 0f 0001 "x" "bool"',
        'a 0f 0000 "x" "bool" 3',
        'a 0f 0000 "\\ud800" "bool"',
        'a 0f 0000 "x" "bool"\na 0f 0000 "y" "bool"',
        'a 0f 0000 "\\q" "bool"',
    ],
)
def test_a_damaged_lock_is_a_finding(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stackc.lock"
    path.write_text(text)
    with pytest.raises(StackcError, match=r"E1|E316"):
        read_lock(path)


def test_the_difference_names_what_came_went_and_changed() -> None:
    old = (Column("a", DataType("int64")), Column("b", DataType("string")))
    new = (Column("b", DataType("string"), False), Column("c", DataType("bool")))
    assert difference(old, new) == (
        "- a: int64",
        "+ c: bool",
        "~ b: string → string, not null",
    )


OLD = """\
# Made by stackc: the columns of sources that do not declare them. Commit this file.

sources:
  people:
    origin: "0123456789abcdef"
    columns:
      "id": "int64!"
      "na\\"me": "string"
"""


def test_the_yaml_of_earlier_versions_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "stackc.lock"
    path.write_text(OLD, "utf-8")
    columns = (Column("id", DataType("int64"), False), Column('na"me', DataType("string")))
    assert read_lock(path) == {"people": Locked("0123456789abcdef", columns)}


def locked(*names: str, kind: str = "int64") -> dict[str, Locked]:
    """A lock of these sources, two columns each."""
    columns = (Column("id", DataType("int64"), False), Column("x", DataType(kind)))
    return {name: Locked("0123456789abcdef", columns) for name in names}


class Repository:
    """A real git repository with a lock in it; without configuration of the user's."""

    def __init__(self, folder: Path, attributes: bool) -> None:
        self.folder = folder
        self.lock = folder / "stackc.lock"
        self.git("init", "--quiet", "--initial-branch=main")
        (folder / "README").write_text("a project\n")
        if attributes:
            (folder / ".gitattributes").write_text(f"{MERGED}\n")
        self.commit()

    def git(self, *words: str, check: bool = True) -> int:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.folder, env={**os.environ, **quiet},
            capture_output=True, check=check,
        )  # fmt: skip
        return done.returncode

    def write(self, lock: dict[str, Locked]) -> None:
        self.lock.write_text(render_lock(lock), "utf-8")
        self.commit()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def merge(
        self, base: dict[str, Locked], mine: dict[str, Locked], its: dict[str, Locked]
    ) -> int:
        """Two branches from one base, merged; what git says of it."""
        if base:
            self.write(base)
        self.git("checkout", "--quiet", "-b", "other")
        self.write(its)
        self.git("checkout", "--quiet", "main")
        self.write(mine)
        return self.git("merge", "--quiet", "--no-edit", "other", check=False)


@pytest.mark.parametrize(
    ("base", "mine", "its"),
    [
        (("m",), ("a", "m"), ("m", "z")),
        (("m",), ("m", "n"), ("m", "o")),
        (("a", "z"), ("a", "m", "z"), ("a", "n", "z")),
        (("a",), ("a", "b", "c"), ("a", "d")),
        ((), ("a",), ("b",)),
        (("a", "b"), ("b", "c"), ("a", "b", "d")),
    ],
)
def test_git_merges_sources_that_two_people_add(
    tmp_path: Path, base: tuple[str, ...], mine: tuple[str, ...], its: tuple[str, ...]
) -> None:
    repository = Repository(tmp_path, attributes=True)
    assert repository.merge(locked(*base), locked(*mine), locked(*its)) == 0
    gone = {*base} - ({*mine} & {*its})
    assert read_lock(repository.lock) == locked(*(({*mine} | {*its}) - gone))


def test_both_sides_of_a_conflict_are_read_without_the_attribute(tmp_path: Path) -> None:
    repository = Repository(tmp_path, attributes=False)
    assert repository.merge(locked("a"), locked("a", "b"), locked("a", "c")) == 1
    assert "<<<<<<<" in repository.lock.read_text("utf-8")
    assert read_lock(repository.lock) == locked("a", "b", "c")


def test_one_source_that_two_people_saw_differently_is_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path, attributes=True)
    mine, its = locked("a", kind="string"), locked("a", kind="bool")
    assert repository.merge(locked("a"), mine, its) == 0
    with pytest.raises(StackcError, match="column 0001 of `a` stands there twice"):
        read_lock(repository.lock)


def test_the_common_base_that_git_shows_in_a_conflict_is_not_read(tmp_path: Path) -> None:
    line = 'a 0123456789abcdef 0000 "x" "{}"'
    path = tmp_path / "stackc.lock"
    path.write_text(
        "\n".join(["<<<<<<< ours", line.format("bool"), "||||||| base", line.format("string"),
                   "=======", line.format("bool"), ">>>>>>> theirs", ""])
    )  # fmt: skip
    assert read_lock(path)["a"].columns == (Column("x", DataType("bool")),)
