from __future__ import annotations

import math
import resource
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics import StackcError
from compiler.load.parse import parse
from compiler.load.scalars import plain_scalar
from compiler.load.text import MAX_BYTES, MAX_DEPTH, decode
from tests.load.helpers import finding_of, findings_of, value_of

SCALARS: list[tuple[str, Any]] = [
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("Off", "Off"),
    ("y", "y"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("12", 12),
    ("-7", -7),
    ("+7", 7),
    ("0", 0),
    ("012", "012"),
    ("0x1F", 31),
    ("0o17", 15),
    ("0b1", "0b1"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    ("1e3", 1000.0),
    ("-1.5E-3", -0.0015),
    (".5", 0.5),
    ("1.", 1.0),
    ("00.5", "00.5"),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    (".", "."),
    ("-", "-"),
    ("2025-01-00", "2025-01-00"),
    ("2025-01-01T00:00:00", "2025-01-01T00:00:00"),
    ("1.2.3", "1.2.3"),
    ("٣", "٣"),
    ("=", "="),
    ("nan", "nan"),
    ("18446744073709551615", 2**64 - 1),
]

BROKEN = [
    ("a: [1, 2\nb: 3\n", "E101", "1:4"),
    ("a: {x: 1\n", "E101", "1:4"),
    ('a: "open\n', "E101", "1:4"),
    ("a:\n\tb: 1\n", "E101", "2:1"),
    ("a:\n  b: 1\n\tc: 2\n", "E101", "3:1"),
    ("a: b: c\n", "E101", "1:5"),
    ("a: 1\n b: 2\n", "E101", "2:3"),
    ("a: @x\n", "E101", "1:4"),
    ("a: `x`\n", "E101", "1:4"),
    ("a: *nowhere\n", "E101", "1:4"),
    ('a: "\\q"\n', "E101", "1:5"),
    ("a: [1, , 2]\n", "E101", "1:8"),
    ("a:\n  - 1\n  b: 2\n", "E101", "3:3"),
    ("a: 1\n...\nb: 2\n", "E101", "3:1"),
    ("a: 1\n---\nb: 2\n", "E111", "2:1"),
    ("a: !!str 1\n", "E111", "1:4"),
    ("a: !x [1]\n", "E111", "1:4"),
    ("<<: {a: 1}\n", "E111", "1:1"),
    ("1: x\n", "E111", "1:1"),
    ("true: x\n", "E111", "1:1"),
    (": x\n", "E101", "1:1"),
    ("? [a]\n: b\n", "E111", "1:3"),
    ("a: &a 1\n*a : 2\n", "E111", "2:1"),
    ("a: &a [*a]\n", "E111", "1:8"),
    ("x:\n  _target_: os.system\n", "E111", "2:3"),
    ("a: 1\nb: 2\na: 3\n", "E104", "3:1"),
    ("x: {b: 1, c: {b: 1}, b: 2}\n", "E104", "1:22"),
    ("a: 99999999999999999999\n", "E103", "1:4"),
    ("a: 1e999\n", "E103", "1:4"),
    ("a: \x07\n", "E102", "1:4"),
    ("a: 1\nb: x\u2028y\n", "E102", "2:5"),
]


@pytest.mark.parametrize(("written", "value"), SCALARS)
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    found = plain_scalar(written)
    assert found == value
    assert type(found) is type(value)
    assert value_of(f"k: '{written}'")["k"] == written


@pytest.mark.parametrize(("text", "code", "place"), BROKEN)
def test_broken_text_is_refused_at_its_place(text: str, code: str, place: str) -> None:
    assert finding_of(lambda: value_of(text)) == (code, place)


def test_duplicate_keys_show_both_places_and_all_of_them() -> None:
    first, second = findings_of(lambda: value_of("a: 1\nb: {c: 1, c: 2}\na: 3\n"))
    assert first.labels[0].span is not None
    assert str(first.labels[0].span) == "stack.yaml:2:5"
    assert str(second.labels[0].span) == "stack.yaml:1:1"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a: 1\nb: \xff\n", "2:4"),
        (b"a: \xc3\n", "1:4"),
        (b"\xff\xfea\x00", "1:1"),
        (b"a: 1\nb: \x00\n", "2:4"),
        (b"\xef\xbb\xbfa: \xe9", "1:4"),
        (b"a: \xed\xa0\x80", "1:4"),
    ],
)
def test_bytes_that_are_no_text_are_shown_by_line(data: bytes, place: str) -> None:
    assert finding_of(lambda: value_of(data)) == ("E102", place)


def test_a_byte_order_mark_and_windows_lines_are_tolerated() -> None:
    assert value_of(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\n") == {"a": 1, "b": "x\ny\n"}


def test_aliases_are_copies() -> None:
    value = value_of("a: &a {x: [1]}\nb: *a\nc: *a\n")
    assert value["b"] == value["c"] == value["a"]
    assert value["b"] is not value["a"]
    assert value["b"]["x"] is not value["c"]["x"]


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)
MERGES = "m0: &m0 {a: 1}\n" + "".join(
    f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}\n" for i in range(1, 30)
)
LATE_DUPLICATES = "".join(f"k{i}: 1\n" for i in range(200_000)) + "".join(
    f"k{i}: 1\n" for i in range(199_900, 200_000)
)
BOMBS = {
    "brackets": "[" * 200_000,
    "braces": "{" * 200_000,
    "dashes": "- " * 200_000,
    "questions": "? " * 200_000,
    "lines of brackets": "[\n" * 200_000,
    "indentation": "a:\n" + "".join(" " * i + "a:\n" for i in range(1, 3000)),
    "flow keys": "{a: " * 200_000,
    "laughs": LAUGHS,
    "merges": MERGES,
    "long text repeated": "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 50_000 + "]",
    "many values": "- a\n" * 2_000_000,
    "one long digit": "a: " + "9" * 1_000_000,
    "late duplicates": LATE_DUPLICATES,
    "anchors": "".join(f"- &a{i} x\n" for i in range(100_000)) + "- {",
    "too large": " " * (MAX_BYTES - 10) + "a: [",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_bounds(name: str) -> None:
    data = BOMBS[name].encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    findings_of(lambda: parse(decode(data, "stack.yaml")))
    assert time.process_time() - start < 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


def test_the_deepest_allowed_nesting_is_read() -> None:
    value = value_of("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    for _ in range(MAX_DEPTH - 1):
        (value,) = value.values() if isinstance(value, dict) else value
    assert value == []
    assert finding_of(lambda: value_of("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH))[0] == "E103"


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!|>'\"#%@\t\n ?,0.\\<é", max_size=60)))
def test_law_7_any_bytes_are_a_value_or_a_located_finding(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    try:
        parse(decode(raw, "stack.yaml"))
    except StackcError as error:
        lines = raw.count(b"\n") + 1
        for finding in error.diagnostics:
            assert finding.span is not None
            assert 1 <= finding.span.line <= lines
            assert finding.message


PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**60), 2**60),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(
            st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=12
        ).filter(lambda text: plain_scalar(text) == text),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text("abcxyz_", min_size=1, max_size=5), inner, max_size=4),
    ),
    max_leaves=20,
)


@settings(max_examples=80, deadline=None)
@given(PLAIN, st.booleans())
def test_what_yaml_writers_write_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    text = text.removesuffix("...\n")
    assert value_of(text) == value
