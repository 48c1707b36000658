"""What is said of rules is true of all small tables: the engine's own verdicts decide.

Random rules over a small integer and a small text, with nulls. "No value can
pass" is said only where no value of the column passes, "adds nothing" only
where every row that breaks the one breaks the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.duckdb.bind import Binder
from backends.duckdb.rules import broken
from compiler.analyse.algebra.judge import check_rules
from compiler.analyse.algebra.regions import Region, by_name, holding, passing
from compiler.analyse.algebra.values import points
from compiler.analyse.rules import _arguments
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings
from compiler.graph.operations import Rule as RuleOp
from compiler.graph.operations import params
from compiler.graph.types import Column, DataType, TableType
from specs.validation import Rule

TABLE = TableType((Column("n", DataType("int8")), Column("t", DataType("string"))))
NUMBERS = [None, *range(-1, 6)]
TEXTS = [None, "a", "ab", "b"]
ROWS = list(product(NUMBERS, TEXTS))

SMALL = st.integers(-1, 5)
WORDS = st.sampled_from(["a", "ab", "b", "c"])
COMPARISONS = st.one_of(
    st.builds(
        "n {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        st.one_of(SMALL, st.sampled_from([0.5, 2.5, "1e0"])),
    ),
    st.builds("{1} {0} n".format, st.sampled_from(["=", "<", ">="]), SMALL),
    st.builds("n between {} and {}".format, SMALL, SMALL),
    st.builds("n in ({}, {})".format, SMALL, SMALL),
    st.builds("n not in ({}, {})".format, SMALL, SMALL),
    st.builds("t {} '{}'".format, st.sampled_from(["=", "<>", "<", ">="]), WORDS),
    st.sampled_from(["n is null", "n is not null", "t is null", "abs(n) > 2", "length(t) = n"]),
)  # fmt: skip
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
BOUNDS = st.one_of(
    st.lists(SMALL, min_size=2, max_size=2).map(sorted).map(tuple),
    st.tuples(st.none(), SMALL),
    st.tuples(SMALL, st.none()),
)
HANDLING: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {}, {"on_failure": "warn"}, {"on_failure": "quarantine"}, {"tolerance": 0.3}]
)
VERBS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    BOUNDS.map(lambda pair: {"between": {"n": pair}}),
    st.lists(SMALL, min_size=1, max_size=3).map(lambda v: {"in_set": {"n": tuple(v)}}),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda v: {"in_set": {"t": tuple(v)}}),
    st.sampled_from(["^a", "b$", "^c"]).map(lambda v: {"matches": {"t": v}}),
    st.just({"not_null": ("n",)}),
    CONDITIONS.map(lambda text: {"expression": text}),
)
RULES = st.lists(
    st.tuples(VERBS, HANDLING).map(lambda pair: Rule(**pair[0], **pair[1])), min_size=1, max_size=4
)


@pytest.fixture(scope="module")
def binder() -> Binder:
    return Binder()


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every row there is, with a number."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (i INTEGER, n TINYINT, t VARCHAR)")
        numbered = [(i, n, t) for i, (n, t) in enumerate(ROWS)]
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", numbered)
        yield connection


def operation(rule: Rule) -> RuleOp:
    """The rule as the engine gets it."""
    argument = getattr(rule, rule.verb)
    if rule.verb == "expression":
        return RuleOp("", "expression", (), params({"sql": argument}), 0.0, "block")
    if rule.verb == "not_null":
        return RuleOp("", "not_null", argument, (), 0.0, "block")
    ((column, value),) = argument.items()
    return RuleOp("", rule.verb, (column,), _arguments(rule.verb, value), 0.0, "block")


def breaking(rule: Rule, engine: duckdb.DuckDBPyConnection) -> set[tuple[Any, Any]]:
    """The rows that break a rule, as the engine sees it."""
    found = engine.execute(f"SELECT i FROM rows WHERE {broken(operation(rule), TABLE)}").fetchall()
    return {ROWS[i] for (i,) in found}


def told(rules: list[Rule], binder: Binder) -> list[Diagnostic]:
    findings = Findings()
    check_rules("x", tuple(rules), TABLE, binder, findings)
    return findings.diagnostics


def places(found: Diagnostic) -> list[int]:
    """The rules that a finding shows, its own place first."""
    shown = [found.place, *(label.place for label in found.labels)]
    return list(dict.fromkeys(int(place.path[2]) for place in shown if place is not None))


def column_of(found: Diagnostic) -> int:
    """Which column a finding is about."""
    return 1 if "`t`" in found.message else 0


@settings(max_examples=400)
@given(rules=RULES)
def test_a_contradiction_is_told_only_where_no_value_passes(
    rules: list[Rule], binder: Binder, engine: duckdb.DuckDBPyConnection
) -> None:
    for found in told(rules, binder):
        if found.code not in (Code.RULES_CONTRADICT, Code.RULES_DISAGREE, Code.CONDITION_NEVER):
            continue
        bad = set().union(*(breaking(rules[at], engine) for at in places(found)))
        if "no row can pass" in found.message:
            assert set(ROWS) == bad
        elif found.code is Code.CONDITION_NEVER or "never true" in found.message:
            text = rules[places(found)[0]].expression
            assert not engine.execute(f"SELECT 1 FROM rows WHERE {text}").fetchall()
        else:
            valued = {row for row in ROWS if row[column_of(found)] is not None}
            assert valued <= bad
        if found.code is Code.RULES_CONTRADICT:
            assert all(rules[at].on_failure == "block" for at in places(found))
            assert all(rules[at].tolerance == 0 for at in places(found))


@settings(max_examples=400)
@given(rules=RULES)
def test_a_rule_adds_nothing_only_where_another_one_is_broken_by_all_that_breaks_it(
    rules: list[Rule], binder: Binder, engine: duckdb.DuckDBPyConnection
) -> None:
    strength = ("warn", "quarantine", "block").index
    for found in told(rules, binder):
        if found.code is Code.RULE_IMPLIED:
            idle, other = places(found)
            assert breaking(rules[idle], engine) <= breaking(rules[other], engine)
            assert strength(rules[idle].on_failure) <= strength(rules[other].on_failure)
            assert rules[idle].tolerance >= rules[other].tolerance
        elif found.code is Code.RULE_BY_CONTRACT:
            assert not breaking(rules[places(found)[0]], engine)


@settings(max_examples=300)
@given(text=CONDITIONS)
def test_a_condition_is_read_as_the_engine_reads_it(
    text: str, binder: Binder, engine: duckdb.DuckDBPyConnection
) -> None:
    columns = by_name(TABLE)
    condition = binder.condition(text)
    for region, sql in (
        (holding(condition, columns), text),
        (passing(condition, columns), f"({text}) IS NOT FALSE"),
    ):
        true = {ROWS[i] for (i,) in engine.execute(f"SELECT i FROM rows WHERE {sql}").fetchall()}
        inside = {
            row for row in ROWS if _holds(region, "n", row[0]) and _holds(region, "t", row[1])
        }
        assert true <= inside, "a region may be too large, never too small"
        if region.exact:
            assert true == inside


def _holds(region: Region, column: str, value: Any) -> bool:
    domain = region.of(column)
    if value is None:
        return bool(domain.nulls)
    return not (domain.values & points([value], column == "n")).empty


PLAIN: st.SearchStrategy[dict[str, Any]] = st.one_of(
    BOUNDS.map(lambda pair: {"between": {"n": pair}}),
    st.lists(SMALL, min_size=1, max_size=3).map(lambda v: {"in_set": {"n": tuple(v)}}),
)


@settings(max_examples=200)
@given(
    listed=st.lists(SMALL, min_size=1, max_size=3), others=st.lists(PLAIN, min_size=1, max_size=2)
)
def test_of_rules_without_sql_no_contradiction_is_overlooked(
    listed: list[int],
    others: list[dict[str, Any]],
    binder: Binder,
    engine: duckdb.DuckDBPyConnection,
) -> None:
    # A set keeps what can pass within the rows that there are.
    rules = [Rule(in_set={"n": tuple(listed)}), *(Rule(**verb) for verb in others)]
    bad = set().union(*(breaking(rule, engine) for rule in rules))
    contradict = {row for row in ROWS if row[0] is not None} <= bad
    codes = {found.code for found in told(rules, binder)}
    assert (Code.RULES_CONTRADICT in codes) == contradict
