"""The reference of expressions says what the table of functions says."""

from __future__ import annotations

import re

import duckdb

from compiler.features.emit import EMITTERS
from compiler.features.expression import typecheck
from compiler.features.functions import FUNCTIONS, callable_names, known_to_duckdb
from tests.features.duck import COLUMNS
from tests.house.cli import ROOT

PAGE = (ROOT / "docs" / "expressions.md").read_text("utf-8")


def test_the_reference_has_the_row_of_every_function_and_no_other() -> None:
    rows = [
        f"| {function.usage.replace('|', chr(92) + '|')} | {function.nulls} |"
        for function in FUNCTIONS.values()
    ]
    _, _, table = PAGE.partition("|---|---|\n")
    assert table.splitlines() == rows


def test_every_function_can_be_emitted() -> None:
    assert set(FUNCTIONS) - set(EMITTERS) == {"switch"}, "a switch is typed as a case"


def test_the_literals_of_the_reference_are_literals() -> None:
    (listed,) = re.findall(r"\*\*Literals:\*\* (.*?)\. A text", PAGE, re.DOTALL)
    for text in re.findall(r"`([^`]+)`", listed):
        assert typecheck(text, {c.name: c for c in COLUMNS})[0] is not None, text


def test_duckdbs_functions_are_known_as_such() -> None:
    rows = duckdb.execute(
        "select distinct function_name from duckdb_functions()"
        " where function_type in ('scalar', 'aggregate', 'macro')"
    ).fetchall()
    names = {name for (name,) in rows if re.fullmatch("[a-z][a-z0-9_]*", name)}
    unknown = names - known_to_duckdb() - callable_names()
    # A newer DuckDB may have a few more; a list that went stale should be made anew.
    assert len(unknown) <= len(names) // 20, sorted(unknown)
