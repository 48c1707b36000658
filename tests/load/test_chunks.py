"""A text that is parsed by its blocks is what it is as a whole, whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostic, StackcError
from compiler.load.chunks import Chunks, Piece, split
from compiler.load.parse import MAX_NODES, parse
from compiler.load.text import MAX_DEPTH, Text

SPEC = """\
# a spec
stackc: 1
name: shop # its name

sources:
  # the first
  orders:
    path: orders.csv

  people: {path: people.csv}
datasets:
  joined:
    sql: |
      select *
      -- models:
      from orders
  other:
    sql: >-
      select 1
models:
"""


def meaning(parsed: object) -> str:
    """Values as they are told apart: 1 is not true, and the order counts."""
    return repr(parsed)


def outcome(text: str, chunks: Chunks | None = None) -> str | tuple[Diagnostic, ...]:
    try:
        whole = Text("stack.yaml", text)
        return meaning(parse(whole) if chunks is None else chunks.parse(whole))
    except StackcError as error:
        return error.diagnostics


def after(first: str) -> Chunks:
    """What is known when a text was parsed."""
    chunks = Chunks()
    outcome(first, chunks)
    return Chunks(chunks.used)


def test_the_blocks_of_a_spec() -> None:
    found = [(piece.section, piece.block) for piece in split(SPEC)]
    assert found == [
        ("stackc", None),
        ("name", None),
        ("sources", "orders"),
        ("sources", "people"),
        ("datasets", "joined"),
        ("datasets", "other"),
        ("models", None),
    ]


def test_what_is_known_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = after(SPEC)
    read: list[str] = []
    original = Chunks._read

    def noted(chunks: Chunks, name: str, piece: Piece, digest: str) -> bool:
        read.append(piece.name)
        return original(chunks, name, piece, digest)

    monkeypatch.setattr(Chunks, "_read", noted)
    assert outcome(SPEC.replace("orders.csv", "all.csv"), known) == outcome(
        SPEC.replace("orders.csv", "all.csv")
    )
    assert read == ["orders"]


PIECES = (
    "sources:\n", "  a:\n", "  b: 1\n", "    c: 2\n", "      d: 3\n", "  a: {x: 1}\n", "models:\n",
    "stackc: 1\n", "  - x\n", "- x\n", "    - y\n", "# c\n", "  # c\n", "\n",
    '  q: "x\n', '    y"\n',
    '  z: "\n', "  t: |\n", "  t: >-\n", "  t: |1\n", "   odd: 1\n", " odd: 1\n", "  p: word\n",
    "    more words\n", "  l: [1,\n", "  2]\n", "  m: {k: v,\n", "  n: w}\n", "  r: &r {x: 1}\n",
    "  s: *r\n", "---\n", "...\n", "  no: 1\n", "  null: 1\n", "true: 1\n", "  _target_: x\n",
    "_target_:\n", "  ? k\n", "  : v\n", "\t\n", "  a:\tb\n", "  u: !!str x\n",
    "  w: 1\r\n", "  v:\r",
    "<<:\n", "  x: '\n", "  e: 1e3\n", "  big: 99999999999999999999\n", "name: x\n", "  a: b: c\n",
    "name:#x\n", "  i: \"\\ud83d\"\n",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@given(TEXTS, TEXTS)
@example("sources:\n  a: 1\n", "_target_:\n  a: 1\n")
@example("sources:\n  a: 1\n  b: 1\n", 'sources:\n  a: 1\n  q: "\n  b: 1\n')
@example("a:\n  b: 1\n", "a:\n  b: 1\na:\n  b: 1\n")
@example("a:\n  t: |\n    c: 2\n", "a:\n  t: |\n\n    c: 2\n")
def test_any_two_texts(first: str, second: str) -> None:
    known = after(first)
    assert outcome(second, known) == outcome(second)
    assert outcome(second, Chunks(known.used)) == outcome(second)


@given(TEXTS, TEXTS, TEXTS)
def test_a_spec_with_something_put_in(before: str, first: str, second: str) -> None:
    """A line more or less in the middle of a text that is plain otherwise."""
    plain = "sources:\n  one: {x: 1}\n"
    known = after(plain + first + "models:\n  two: 2\n")
    text = before + plain + second + "models:\n  two: 2\n"
    assert outcome(text, known) == outcome(text)


def test_bounds_are_those_of_the_whole() -> None:
    deep = "sources:\n  a: " + "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2) + "\n"
    deeper = deep.replace("[]", "[[]]")
    assert isinstance(outcome(deep), str)
    known = after(deep + "  b: 1\n")
    assert outcome(deeper + "  b: 1\n", known) == outcome(deeper + "  b: 1\n")
    half = ", ".join(["1"] * (MAX_NODES // 2 - 10))
    many = f"sources:\n  a: [{half}]\n"
    known = after(many + "  b: 1\n")
    twice = many + f"  b: [{half}, 1, 1, 1, 1, 1, 1]\n" + "  c: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    assert outcome(twice, known) == outcome(twice)
    fits = many + f"  b: [{half}]\n"
    assert isinstance(outcome(fits, known), str)
