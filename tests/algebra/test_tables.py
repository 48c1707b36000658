"""Rules of whole tables: held against all row counts, and keys against all small tables."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.algebra.tables import check_tables, check_tolerance
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings
from specs.validation import Rule

COUNTS = range(8)
COUNT = st.one_of(
    st.builds(lambda low: {"min": low}, st.integers(0, 6)),
    st.builds(lambda high: {"max": high}, st.integers(0, 6)),
    st.lists(st.integers(0, 6), min_size=2, max_size=2).map(
        lambda pair: {"min": min(pair), "max": max(pair)}
    ),
)
FAILURE = st.sampled_from(["block", "warn"])
STRENGTH = ("warn", "quarantine", "block").index


def told(*rules: Rule) -> list[Diagnostic]:
    findings = Findings()
    check_tables("x", rules, findings)
    return findings.diagnostics


def at(found: Diagnostic) -> int:
    """The rule that a finding is about."""
    assert found.place is not None
    return int(found.place.path[2])


def allowed(count: dict[str, int]) -> set[int]:
    return {n for n in COUNTS if count.get("min", 0) <= n <= count.get("max", 99)}


@given(counts=st.tuples(COUNT, COUNT), failures=st.tuples(FAILURE, FAILURE))
def test_row_counts_contradict_or_imply_each_other_as_numbers_do(
    counts: tuple[dict[str, int], dict[str, int]], failures: tuple[Any, Any]
) -> None:
    rules = [
        Rule(row_count=count, on_failure=failure)  # type: ignore[arg-type]
        for count, failure in zip(counts, failures, strict=True)
    ]
    found = told(*rules)
    sets = [allowed(count) for count in counts]
    wanted = Code.RULES_CONTRADICT if failures == ("block", "block") else Code.RULES_DISAGREE
    assert (wanted in {f.code for f in found}) == (not sets[0] & sets[1])
    for one in found:
        if one.code is Code.RULE_IMPLIED:
            idle = at(one)
            assert sets[1 - idle] <= sets[idle]
            assert STRENGTH(failures[idle]) <= STRENGTH(failures[1 - idle])


KEYS = st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a")])
TABLES = [rows for n in range(4) for rows in product([(0, 0), (0, 1), (1, 0)], repeat=n)]


def repeats(key: tuple[str, ...], rows: tuple[tuple[int, int], ...]) -> bool:
    seen = [tuple(row["ab".index(column)] for column in key) for row in rows]
    return len({*seen}) < len(seen)


@given(keys=st.tuples(KEYS, KEYS), failures=st.tuples(FAILURE, FAILURE))
def test_a_key_adds_nothing_only_where_another_one_is_broken_by_the_same_tables(
    keys: tuple[tuple[str, ...], tuple[str, ...]], failures: tuple[Any, Any]
) -> None:
    rules = [Rule(unique=k, on_failure=f) for k, f in zip(keys, failures, strict=True)]
    found = told(*rules)
    for one in found:
        idle = at(one)
        broken = [rows for rows in TABLES if repeats(keys[idle], rows)]
        assert all(repeats(keys[1 - idle], rows) for rows in broken)
        assert STRENGTH(failures[idle]) <= STRENGTH(failures[1 - idle])
    if failures[0] == failures[1]:
        assert bool(found) == (set(keys[0]) <= set(keys[1]) or set(keys[1]) <= set(keys[0]))


@pytest.mark.parametrize(
    ("rules", "idle"),
    [
        ([{"freshness": {"column": "t", "max_age": "1d"}},
          {"freshness": {"column": "t", "max_age": "48h"}}], [1]),
        ([{"freshness": {"column": "t", "max_age": "2d"}},
          {"freshness": {"column": "t", "max_age": "24h"}}], [0]),
        ([{"freshness": {"column": "t", "max_age": "2d"}},
          {"freshness": {"column": "u", "max_age": "1d"}}], []),
        ([{"freshness": {"column": "t", "max_age": "2d"}},
          {"freshness": {"column": "t", "max_age": "1d"}, "on_failure": "warn"}], []),
        ([{"references": {"a": "x.a"}}, {"references": {"a": "x.a", "b": "x.b"}}], [1]),
        ([{"references": {"a": "x.a"}}, {"references": {"a": "y.a"}}], []),
        ([{"references": {"a": "x.a"}, "on_failure": "warn"}, {"references": {"a": "x.a"}}], []),
    ],
)  # fmt: skip
def test_what_is_told_of_freshness_and_references(
    rules: list[dict[str, Any]], idle: list[int]
) -> None:
    assert [at(found) for found in told(*(Rule(**rule) for rule in rules))] == idle


def test_a_tolerance_of_all_rows_is_told() -> None:
    findings = Findings()
    check_tolerance("x", (Rule(unique=("a",), tolerance=1.0), Rule(unique=("a",))), findings)
    assert [at(found) for found in findings.diagnostics] == [0]
