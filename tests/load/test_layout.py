"""The canonical layout: what it looks like, and that it changes neither meaning nor comments."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.load import layout
from compiler.load.layout import laid_out
from compiler.load.parse import parse
from tests.house.cli import ROOT
from tests.load.helpers import text_of

PAGES = [*(ROOT / "tests" / "cases").glob("*.md"), *(ROOT / "compiler" / "codes").glob("*.md")]
FILES = [*ROOT.glob("examples/*/stack.yaml"), *ROOT.glob("conf/**/*.yaml")]
COMMENT = re.compile(r"(?:^|(?<=\s))#.*")


def corpus() -> list[str]:
    """Every text of the project that is strict YAML."""
    blocks = (re.findall(r"^```yaml[^\n]*\n(.*?)^```", p.read_text(), re.S | re.M) for p in PAGES)
    texts = [*(path.read_text("utf-8") for path in FILES), *(b for found in blocks for b in found)]
    good = []
    for text in dict.fromkeys(texts):
        try:
            parse(text_of(text))
        except StackcError:
            continue
        good.append(text)
    return good


CORPUS = corpus()


def comments(text: str) -> list[str]:
    """Every comment, without the blanks behind it."""
    found = (COMMENT.search(line) for line in text.splitlines())
    return [match[0].rstrip() for match in found if match]


def out(content: str) -> str:
    """The layout, which lays itself out and means the same."""
    after = laid_out(text_of(content))
    assert laid_out(text_of(after)) == after
    return after


def test_the_whole_corpus_keeps_its_meaning_and_its_comments() -> None:
    assert len(CORPUS) > 200
    for text in CORPUS:
        after = out(text)
        assert parse(text_of(after)) == parse(text_of(text))
        assert comments(after) == comments(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_our_own_specs_are_laid_out(path: Path) -> None:
    text = path.read_text("utf-8")
    assert out(text) == text


def mangled(text: str, chance: random.Random) -> str:
    """The same spec by somebody in a hurry."""
    lines, factor = [], chance.choice([1, 2, 3])
    for line in text.split("\n"):
        if "|" in line or ">" in line or '"' in line or "'" in line:
            return text
        blanks = " " * (len(line) - len(line.lstrip())) * factor
        lines.append(blanks + line.lstrip() + " " * chance.choice([0, 0, 3]))
        if chance.random() < 0.2:
            lines.append(chance.choice(["", " " * chance.randrange(8) + "# a remark"]))
    text = "\n".join(lines)
    text = re.sub(r": (?=\S)", lambda _: ":" + " " * chance.choice([1, 2, 5]), text)
    text = re.sub(r", ", lambda _: chance.choice([", ", " , ", ",   "]), text)
    return text.replace("\n", chance.choice(["\n", "\r\n"]))


@pytest.mark.parametrize("seed", range(5))
def test_specs_of_somebody_in_a_hurry(seed: int) -> None:
    chance = random.Random(seed)
    for text in CORPUS:
        wild = mangled(text, chance)
        try:
            meaning = parse(text_of(wild))
        except StackcError:
            continue
        after = out(wild)
        assert parse(text_of(after)) == meaning
        assert comments(after) == comments(wild)
        assert not re.search(r"[ \t]+$|\r|\n\n\n", after, re.M)


KEYS = st.sampled_from(["a", "b", "no", "1", "two words", "", "x: y", "#", "ü", "😀", "-", "?"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([0.5, 1e300]),
    st.text(alphabet="ab #:-'\"\\\n\t[]{},|>é", max_size=12),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(
    value=st.dictionaries(KEYS, VALUES, max_size=4),
    flow=st.sampled_from([None, True, False]),
    indent=st.integers(2, 6),
    width=st.sampled_from([10, 80]),
    style=st.sampled_from([None, "'", '"', "|", ">"]),
)
def test_any_yaml_of_any_writer_keeps_its_meaning(
    value: object, flow: bool | None, indent: int, width: int, style: str | None
) -> None:
    text = yaml.safe_dump(
        value, default_flow_style=flow, indent=indent, width=width, default_style=style,
        allow_unicode=True,
    )  # fmt: skip
    try:
        meaning = parse(text_of(text))
    except StackcError:
        return
    assert parse(text_of(out(text))) == meaning


HURRIED = """\


stackc:   1
name: 'shop'   # the name
description: 'it is "it"'
owner: 'a\\d+'
tags: [ a,b ,"c" , 'no', "yes", 'x y' ]
sources:
    # about orders
    orders:
        columns: {  id: {type: int64,nullable: false},
              # inside
              x: 'string' }   # behind
    #   gone:
    #     path: x



    other: &anchor
        csv:
            null_values:
            - ""
            -   NA
    third: *anchor
# back
validation:
  orders:
  -
    unique: [id]
  -   between: {x: [1,
           2]}
      # of the item
  - expression: >-
         a
           and b
    # of the list
datasets:
  a:
     sql: |
        select 1

          from t

     # behind the text
     description: a long
        text
  b: {
     from: a
     }
  ? c
  : {}
  # the end"""

CALM = """\
stackc: 1
name: shop  # the name
description: 'it is "it"'
owner: 'a\\d+'
tags: [a, b, c, "no", "yes", "x y"]

sources:
  # about orders
  orders:
    columns: {id: {type: int64, nullable: false},
      # inside
      x: string}  # behind
  #   gone:
  #     path: x

  other: &anchor
    csv:
      null_values:
        - ""
        - NA
  third: *anchor

# back
validation:
  orders:
    - unique: [id]
    - between: {x: [1,
          2]}
      # of the item
    - expression: >-
        a
          and b
      # of the list

datasets:
  a:
    sql: |
      select 1

        from t

    # behind the text
    description: a long
      text
  b: {
    from: a
  }
  c: {}
  # the end
"""


def test_what_it_looks_like() -> None:
    assert out(HURRIED) == CALM
    assert out(HURRIED.replace("\n", "\r\n")) == CALM
    assert out(CALM) == CALM


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: |+\n   x\n\n\n", "a: |+\n  x\n\n\n"),
        ("a: |+\n   x\n\n\nb: 1", "a: |+\n  x\n\n\nb: 1\n"),
        ("a: |\n   x\n   \n", "a: |\n  x\n"),
        ("a: |4-  # why\n      x\n     y\n", "a: |2-  # why\n    x\n   y\n"),
        ("a:\n- |2\n   x\n", "a:\n  - |2\n     x\n"),
        ('a: "b \\\n     c"', 'a: "b \\\n  c"\n'),
        ("a: [\n1,\n\n\n2 # two\n]", "a: [\n  1,\n\n  2  # two\n]\n"),
        ("---\na: 1\n", "---\na: 1\n"),
        ("# only this\n\n\na:    1  # and this\n\n\n", "# only this\n\na: 1  # and this\n"),
        ("a: {b:   &x [ ],\n c: *x}", "a: {b: &x [],\n  c: *x}\n"),
        ("a:\n  - - 1\n    - 2\n  -\n    # why\n    b: 1", None),
        ("", "\n"),
    ],
)
def test_corners(before: str, after: str | None) -> None:
    found = out(before)
    assert parse(text_of(found)) == parse(text_of(before))
    assert after is None or found == after


@pytest.mark.parametrize("content", ["a: [1", "a: 1\na: 2", "a: !x 1", "\x00", "[" * 10_000])
def test_what_cannot_be_read_is_refused(content: str) -> None:
    with pytest.raises(StackcError):
        laid_out(text_of(content))


def test_a_layout_that_means_something_else_is_never_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout._Writer, "written", lambda _: "a: 2\n")
    with pytest.raises(StackcError) as caught:
        laid_out(text_of("a: 1\n"))
    assert caught.value.diagnostics[0].code is Code.NOT_FORMATTED
