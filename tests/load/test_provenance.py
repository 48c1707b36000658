from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, Place, Within
from compiler.diagnostics import Path as SpecPath
from compiler.load import Loaded, load, locate
from compiler.load.marks import Marks
from compiler.load.parse import parse
from compiler.load.text import Text
from compiler.source import Span
from tests.load.helpers import write

SPEC = """\
name: shop
models:
  late:
    target: late
    features: [a, hour: b // 100]
    algorithm: {kind: xgboost, max_depth: 6}
    gates:
      - roc_auc >= 0.7
      - f1 >= 0.5
datasets:
  plain:
    sql: select a
      from b
      where cc > 1
  block:
    sql: |  # the query
      select é, x
      from "weird table"
        where cc > 1
  folded:
    sql: >-
      select a,
      b

      from cc
  single:
    sql: 'select ''a'' as q from cc
      where q = 1'
  double:
    sql: "select \\"a\\"\\tas q \\
      from cc\\nwhere \\u0063c = 1"
  mixed:
    sql: select ${models.late.target} from cc where ${name}.x and $${y} = zz
  empty:
    sql: ""
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        {
            "stack.yaml": SPEC,
            "conf/deep.yaml": "# @package models.late\nalgorithm:\n  max_depth: 12\n  extra: 1\n",
        },
    )
    return Path("stack.yaml")


def quoted(loaded: Loaded, span: Span | None) -> str:
    """The characters a span covers."""
    assert span is not None
    assert span.line == span.end_line
    line = loaded.sources.line(span.source, span.line)
    assert line is not None
    return line[span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("path", "key", "text"),
    [
        (("name",), False, "shop"),
        (("name",), True, "name"),
        (("models", "late", "target"), False, "late"),
        (("models", "late", "features", 0), False, "a"),
        (("models", "late", "features", 1, "hour"), False, "b // 100"),
        (("models", "late", "features", 1, "hour"), True, "hour"),
        (("models", "late", "algorithm"), False, "{kind: xgboost, max_depth: 6}"),
        (("models", "late"), False, "late"),
        (("models", "late", "gates", 1), False, "f1 >= 0.5"),
        (("datasets", "block", "sql"), False, "sql"),
        (("datasets", "empty", "sql"), False, '""'),
        (("models", "late", "missing"), False, "late"),
        (("models", "late", "missing", "deeper", 3), False, "late"),
        (("nowhere",), False, "n"),
        ((), False, "n"),
    ],
)
def test_places_of_the_spec_are_found(shop: Path, path: SpecPath, key: bool, text: str) -> None:
    loaded = load(shop)
    span = loaded.provenance.span(Place(path, key=key))
    assert quoted(loaded, span) == text
    assert span is not None
    assert span.source == "stack.yaml"


@pytest.mark.parametrize(
    ("dataset", "word", "line"),
    [
        ("plain", "select", 12),
        ("plain", "cc", 14),
        ("block", "é", 17),
        ("block", "weird table", 18),
        ("block", "where", 19),
        ("block", "cc", 19),
        ("folded", "a,", 22),
        ("folded", "cc", 25),
        ("single", "q", 27),
        ("single", "cc", 27),
        ("single", "where", 28),
        ("double", "as", 30),
        ("double", "from", 31),
        ("double", "= 1", 31),
        ("mixed", "cc", 33),
        ("mixed", ".x", 33),
        ("mixed", "zz", 33),
    ],
)
def test_carets_land_inside_of_text_values(shop: Path, dataset: str, word: str, line: int) -> None:
    loaded = load(shop)
    value = loaded.config["datasets"][dataset]["sql"]
    within = Within(value.index(word), len(word))
    span = loaded.provenance.span(Place(("datasets", dataset, "sql"), within))
    assert quoted(loaded, span) == word
    assert span is not None
    assert span.line == line


def test_a_caret_in_an_interpolated_value_shows_the_interpolation(shop: Path) -> None:
    loaded = load(shop)
    value = loaded.config["datasets"]["mixed"]["sql"]
    assert value == "select late from cc where shop.x and ${y} = zz"
    place = Place(("datasets", "mixed", "sql"), Within(value.index("ho"), 2))
    assert quoted(loaded, loaded.provenance.span(place)) == "${name}"
    place = Place(("datasets", "mixed", "sql"), Within(value.index("${y}"), 4))
    assert quoted(loaded, loaded.provenance.span(place)) == "$${y}"


def test_a_caret_past_the_value_stays_in_it(shop: Path) -> None:
    loaded = load(shop)
    for dataset in loaded.config["datasets"]:
        for offset in (0, 5, 10_000):
            place = Place(("datasets", dataset, "sql"), Within(offset, 50))
            assert loaded.provenance.span(place) is not None


def test_a_value_from_the_command_line_points_at_the_argument(shop: Path) -> None:
    overrides = [
        "models.late.algorithm.max_depth=8",
        "models.late.features.0='lower(aa)'",
        "+models.late.note={why: [x, because]}",
        "~models.late.gates",
    ]
    loaded = load(shop, overrides)
    found: dict[SpecPath, str] = {
        ("models", "late", "algorithm", "max_depth"): overrides[0],
        ("models", "late", "features", 0): overrides[1],
        ("models", "late", "note", "why", 1): overrides[2],
        ("models", "late", "gates"): overrides[3],
    }
    for path, argument in found.items():
        span = loaded.provenance.span(Place(path))
        assert quoted(loaded, span) == argument
    inside = Place(("models", "late", "features", 0), Within(6, 2))
    assert quoted(loaded, loaded.provenance.span(inside)) == "aa"
    key = Place(("models", "late", "algorithm", "max_depth"), key=True)
    assert quoted(loaded, loaded.provenance.span(key)) == "models.late.algorithm.max_depth"


def test_history_lists_every_place_and_the_winner_last(shop: Path) -> None:
    loaded = load(shop, ["models.late.algorithm.max_depth=8"])
    path = ("models", "late", "algorithm", "max_depth")
    assert [(str(found.span), found.value) for found in loaded.provenance.history(path)] == [
        ("stack.yaml:6:43", 6),
        ("<command line>:1:21", 8),
    ]
    write(shop.parent, {"stack.yaml": "defaults: [_self_, deep]\n" + SPEC})
    loaded = load(shop, ["models.late.algorithm.max_depth=8"])
    assert loaded.config["models"]["late"]["algorithm"]["extra"] == 1
    assert [(str(found.span), found.value) for found in loaded.provenance.history(path)] == [
        ("stack.yaml:7:43", 6),
        ("conf/deep.yaml:3:14", 12),
        ("<command line>:1:21", 8),
    ]
    assert loaded.provenance.history(("models", "none")) == []


def test_values_of_the_packaged_groups_can_be_quoted(shop: Path) -> None:
    loaded = load(shop, ["backends=local"])
    span = loaded.provenance.span(Place(("backends", "version", "name")))
    assert quoted(loaded, span) == "local"
    assert span is not None
    assert span.source == "<stackc>/conf/backends/version/local.yaml"


def test_aliased_values_point_at_what_was_written(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, {"stack.yaml": "a: &a 'one two'\nb: *a\n"}))
    span = loaded.provenance.span(Place(("b",), Within(4, 3)))
    assert quoted(loaded, span) == "two"


def test_findings_are_located_sorted_and_each_once(shop: Path) -> None:
    provenance = load(shop).provenance
    label = Label("the target", Place(("models", "late", "target")))
    late = Diagnostic(Code.UNKNOWN_COLUMN, "late", Place(("datasets", "plain", "sql")))
    early = Diagnostic(Code.BAD_NAME, "early", Place(("name",)), labels=(label,))
    found = locate([late, early, late], provenance)
    assert [finding.message for finding in found] == ["early", "late"]
    assert found[0].labels[0].span is not None
    assert found[0].labels[0].span.line == 4
    assert all(finding.span is not None for finding in found)


STYLES = st.sampled_from(["", "'", '"', "|", ">"])
WORDS = st.text("abc'\"\\#:é- \n\t", max_size=40)


@settings(max_examples=200, deadline=None)
@given(WORDS, STYLES, st.integers(20, 80))
def test_every_visible_character_is_found_where_it_was_written(
    value: str, style: str, width: int
) -> None:
    content = yaml.dump({"k": value}, default_style=style or None, allow_unicode=True, width=width)
    text = Text("stack.yaml", content)
    marks = Marks(text)
    assert parse(text) == {"k": value}
    for offset, character in enumerate(value):
        span = marks.within(("k",), offset, 1)
        assert span is not None
        if not character.isspace():
            line = content.split("\n")[span.line - 1]
            written = line[span.column - 1 : span.end_column - 1]
            assert written in (character, f"\\{character}", character * 2)
