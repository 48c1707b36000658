"""Edits of a spec's text: the value changes, and every other character stays."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compiler.load.edit import EditError, Editor, Path
from compiler.load.parse import parse
from compiler.load.text import Text


def edited(content: str, path: str, value: Any) -> str:
    editor = Editor(content)
    editor.set(tuple(path.split(".")), value)
    return editor.content


def deleted(content: str, path: str) -> str:
    editor = Editor(content)
    editor.delete(tuple(path.split(".")))
    return editor.content


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1  # why\nb: 2\n", "a", 3, "a: 3  # why\nb: 2\n"),
        ("a: 1\r\nb: 2\r\n", "c.d", 3, "a: 1\r\nb: 2\r\nc:\r\n  d: 3\r\n"),
        ("a: 'x'\n", "a", "it's", "a: 'it''s'\n"),
        ('a: "x"\n', "a", "y", 'a: "y"\n'),
        ("a: x\n", "a", "no: y", 'a: "no: y"\n'),
        ("a: x\n", "a", "1", 'a: "1"\n'),
        ("a: x\n", "a", "true", 'a: "true"\n'),
        ("a: x\n", "a", True, "a: true\n"),
        ("a: x\n", "a", None, "a: null\n"),
        ("a: x\n", "a", 1e-7, "a: 1e-07\n"),
        ("a: {b: 1, c: 2}  # both\n", "a.b", 9, "a: {b: 9, c: 2}  # both\n"),
        ("a: {b: 1}\n", "a.c", "x, y", 'a: {b: 1, c: "x, y"}\n'),
        ("a: {}\n", "a.c", 1, "a: {c: 1}\n"),
        ("a:\n    b: 1\n", "a.c.d", 2, "a:\n    b: 1\n    c:\n        d: 2\n"),
        ("a:\n  b: 1\n\n# about c\nc: 2\n", "a.d", 3, "a:\n  b: 1\n  d: 3\n\n# about c\nc: 2\n"),
        ("a:\nb: 1\n", "a.c", 2, "a:\n  c: 2\nb: 1\n"),
        ("a: # nothing yet\nb: 1\n", "a", 2, "a: 2 # nothing yet\nb: 1\n"),
        ("a:\n- x\n- y  # two\n- z\n", "a", ["x", "w", "z"], "a:\n- x\n- w  # two\n- z\n"),
        ("a:\n  - x\n  - y\n", "a", ["x"], "a:\n  - x\n"),
        ("a:\n  - x\nb: 1\n", "a", ["x", {"k": 1}], "a:\n  - x\n  - {k: 1}\nb: 1\n"),
        ("a: [x, y]\n", "a", ["x", "y", "z"], "a: [x, y, z]\n"),
        ("a: |\n  text\n  more\nb: 1\n", "a", "short", "a: short\nb: 1\n"),
        ("a: &here {b: 1}\nc: *here\n", "a.b", 2, "a: &here {b: 2}\nc: *here\n"),
        ("a: 1", "b", 2, "a: 1\nb: 2"),
        ("a: 1\n# the end\n", "b", 2, "a: 1\nb: 2\n# the end\n"),
        ("a: é\nb: 1\n", "b", "ü", "a: é\nb: ü\n"),
    ],
)
def test_a_value_is_set_where_it_stands(before: str, path: str, value: Any, after: str) -> None:
    assert edited(before, path, value) == after


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("a: 1\nb: 2\n", "a", "b: 2\n"),
        ("a: 1\nb: 2", "b", "a: 1"),
        ("a: {b: 1, c: 2}\n", "a.b", "a: {c: 2}\n"),
        ("a: {b: 1, c: 2}\n", "a.c", "a: {b: 1}\n"),
        ("a: {b: 1}\n", "a.b", "a: {}\n"),
        ("a:\n  b: 1\nc: 2\n", "a.b", "a: {}\nc: 2\n"),
        ("a: 1\n\nb:\n  c: 1\n\nd: 2\n", "b", "a: 1\n\nd: 2\n"),
        ("a: 1\r\n\r\nb: 1\r\n\r\nd: 2\r\n", "b", "a: 1\r\n\r\nd: 2\r\n"),
        ("a:\n  - {b: 1}\n  - c: 2\n    d: 3\n", "a.1.c", "a:\n  - {b: 1}\n  - d: 3\n"),
    ],
)
def test_an_entry_is_taken_away_with_its_lines(before: str, path: str, after: str) -> None:
    assert deleted(before, path) == after


@pytest.mark.parametrize(
    ("content", "path", "says"),
    [
        ("a: &x {b: 1}\nc: *x\n", "c.b", "`c` stands behind a YAML alias"),
        ("a: 1\n", "a.b", "`a` is no mapping"),
        ("a: [1]\n", "a.b", "`a` is no mapping"),
    ],
)
def test_what_cannot_be_changed_in_place_says_why(content: str, path: str, says: str) -> None:
    with pytest.raises(EditError, match=says):
        edited(content, path, 2)


def test_what_is_not_written_cannot_be_taken_away() -> None:
    with pytest.raises(EditError, match=r"`a\.c` is not written in the spec"):
        deleted("a: {b: 1}\n", "a.c")


KEYS = st.sampled_from(["a", "b", "name", "on", "x-y"])
SCALARS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=6),
    st.sampled_from(["no", "1e3", "- x", "a: b", "#", " x", "", "'", '"', "{", "2024-01-01"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
BODIES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


@given(BODIES, st.lists(KEYS, min_size=1, max_size=3), VALUES, st.booleans())
def test_what_was_set_is_read_back_and_nothing_else_differs(
    body: dict[str, Any], keys: list[str], value: Any, commented: bool
) -> None:
    content = written(body, 0, "  # why" if commented else "")
    assert parse(Text("spec", content)) == body
    path: Path = tuple(keys)
    editor = Editor(content)
    try:
        editor.set(path, value, exact=True)
    except EditError:
        assume(False)
    assert parse(Text("spec", editor.content)) == changed(body, keys, value)
    assert editor.content.count("# why") >= content.count("# why") - weight(at(body, keys))


def written(body: dict[str, Any], indent: int, behind: str) -> str:
    """A text of the body: mappings by indentation, the rest as JSON, which is YAML too."""
    import json

    lines = ""
    for key, value in body.items():
        head = f"{' ' * indent}{json.dumps(key)}:"
        if isinstance(value, dict) and value:
            lines += f"{head}{behind}\n{written(value, indent + 2, behind)}"
        else:
            lines += f"{head} {json.dumps(value, ensure_ascii=False)}{behind}\n"
    return lines


def changed(body: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """The same done to plain data."""
    made = copy.deepcopy(body)
    inner = made
    for key in keys[:-1]:
        if inner.get(key) is None:
            inner[key] = {}
        inner = inner[key]
    inner[keys[-1]] = value
    return made


def at(body: Any, keys: list[str]) -> Any:
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def weight(value: Any) -> int:
    """How many lines of an old value may go, and their comments with them."""
    return 1 + sum(map(weight, value.values())) if isinstance(value, dict) else 1
