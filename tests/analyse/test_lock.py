"""stackc.lock: read back as written, mergeable by lines, and refused when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.lock import Locked, difference, read_lock, render_lock
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


@pytest.mark.parametrize("text", ["[", "sources: 3", "sources: {a: {columns: {}}}", "\x00"])
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
