"""What stands at an offset: in whole texts by the tree, in half-written ones by their lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.load.half import typing_at
from compiler.load.tree import Leaf, tree_of
from compiler.load.where import here, key_at
from tests.house.cli import ROOT

EXAMPLES = [*ROOT.glob("examples/*/stack.yaml")]
Steps = tuple[str | int, ...]


def leaves(leaf: Leaf, path: Steps = ()) -> Iterator[tuple[Steps, Leaf | None, Leaf]]:
    """Every key and value of a text with its path."""
    for at, (key, value) in enumerate(leaf.entries):
        inner = (*path, key.text if key is not None else at)
        yield inner, key, value
        yield from leaves(value, inner)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_key_and_scalar_is_found_at_its_places(path: Path) -> None:
    content = path.read_text("utf-8")
    for place, key, value in leaves(tree_of(content)):
        if key is not None:
            for offset in (key.start, key.end):
                found = here(content, offset)
                assert found is not None
                assert (found.path, found.key, found.text) == (place, True, key.text)
            assert key_at(content, place) == (key.start, key.end)
        if value.kind == "scalar" and value.start < value.end:
            found = here(content, value.end)
            assert found is not None
            assert (found.path, found.key, found.text) == (place, False, value.text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_a_text_that_ends_anywhere_is_still_understood(path: Path) -> None:
    content = path.read_text("utf-8")
    for place, key, value in leaves(tree_of(content)):
        if key is not None:
            typed = typing_at(content[: key.end], key.end)
            assert typed.path == place[:-1], (place, typed)
            assert typed.word == content[key.start : key.end], (place, typed)
        if value.kind == "scalar" and "\n" not in content[value.start : value.end]:
            typed = typing_at(content[: value.end], value.end)
            assert (typed.path, typed.value) == (place, True), (place, typed)
            assert typed.word == content[value.start : value.end], (place, typed)


def test_where_in_a_text_of_several_lines() -> None:
    content = "a:\n  sql: |\n    select x\n      from y\nb: 'it''s z'\n"
    for word in ("x", "y", "z"):
        found = here(content, content.index(word, 10))
        assert found is not None
        assert found.text[found.inside] == word


@pytest.mark.parametrize(
    ("before", "path", "value", "word"),
    [
        ("", (), False, ""),
        ("stackc: 1\nna", (), False, "na"),
        ("a:\n  b:\n    - x: 1\n      y: ", ("a", "b", 0, "y"), True, ""),
        ("a:\n  b:\n    - x: 1\n    - ", ("a", "b", 1), True, ""),
        ("a:\n- x: 1\n- y", ("a", 1), True, "y"),
        ("a:\n  b: {c: 1, d: [2, {e: ", ("a", "b", "d", 1, "e"), True, ""),
        ("a: {b: 'x: [', c", ("a",), False, "c"),
        ("a:\n  sql: |\n    select\n\n    from t", ("a", "sql"), True, "from t"),
        ("a:\n  # b:\n  c", ("a",), False, "c"),
        ('"a b":\n  c: ', ("a b", "c"), True, ""),
    ],
)
def test_half_a_text(before: str, path: Steps, value: bool, word: str) -> None:
    typed = typing_at(before, len(before))
    assert (typed.path, typed.value, typed.word) == (path, value, word)
    assert typed.start == len(before) - len(word)


def test_the_keys_beside() -> None:
    assert typing_at("a:\n  b: 1\n  \n  c: 2\nd: 3\n", 12).keys == ("b", "c")
    assert typing_at("a: {b: 1, c: 2, ", 16).keys == ("b", "c")


@given(st.text(alphabet="ab:-[]{},'\"|> \n#&*?", max_size=60), st.integers(0, 60))
def test_no_text_is_too_strange(content: str, offset: int) -> None:
    offset = min(offset, len(content))
    typed = typing_at(content, offset)
    assert 0 <= typed.start <= offset
    found = here(content, offset)
    assert found is None or 0 <= found.start <= found.end <= len(content)
    key_at(content, ("a", 0, "b"))
