"""Casts that lose nothing: the value as the contract's type, or a misfit to report."""

from __future__ import annotations

import re

from msgspec import Struct

from backends.duckdb.text import name
from backends.duckdb.types import from_duckdb, to_duckdb
from compiler.graph.types import Column, DataType

MISFIT = "stackc-misfit"
"""What the engine's error says when a value does not fit."""


class Cast(Struct, frozen=True):
    """How a column is read.

    ``known``: whether there is a value at all. ``value``: the value as the
    wanted type, null where it does not fit.
    """

    column: str
    known: str
    value: str
    plain: bool = False

    @property
    def checked(self) -> str:
        """The column, cast; a misfit stops the query."""
        if self.plain:
            return name(self.column)
        checked = f"coalesce({self.value}, error('{MISFIT}'))"
        return f"CASE WHEN {self.known} THEN {checked} END AS {name(self.column)}"

    @property
    def misfit(self) -> str:
        """The condition under which the value does not fit."""
        return "false" if self.plain else f"({self.known} AND ({self.value}) IS NULL)"


def cast(column: Column, source: str, blank_is_null: bool = False) -> Cast:
    """The cast of a column from a DuckDB type to its contract's type.

    Args:
        column: The contract.
        source: DuckDB's name of the type it is read as.
        blank_is_null: Whether an empty text is no value, as in CSV files.
    """
    wanted, x = to_duckdb(column.type), name(column.name)
    if source == wanted:
        return Cast(column.name, "true", x, plain=True)
    known = f"{x} IS NOT NULL"
    if column.type == "string":
        return Cast(column.name, known, f"CAST({x} AS VARCHAR)")
    if source == "VARCHAR":
        known = f"{known} AND {x} <> ''" if blank_is_null else known
        return Cast(column.name, known, _from_text(x, column.type))
    given = from_duckdb(source)
    tried = f"try_cast({x} AS {wanted})"
    approximate = column.type.is_float and given.is_numeric
    widened = column.type in ("timestamp", "timestamptz") and given.is_temporal
    if approximate or widened:
        return Cast(column.name, known, tried)
    same = f"try_cast({tried} AS {source}) = {x}"
    return Cast(column.name, known, f"CASE WHEN {same} THEN {tried} END")


def _from_text(x: str, wanted: DataType) -> str:
    """A text as a value; DuckDB alone would round `3.7` to 4 and read `1e3` as a whole number."""
    target = to_duckdb(wanted)
    if wanted == "binary":
        return f"encode({x})"
    if wanted.is_integer:
        odd = " OR ".join(f"contains({x}, '{mark}')" for mark in ".eE_")
        whole = f"regexp_full_match({x}, '\\s*[+-]?[0-9]+\\.0*\\s*')"
        rescued = f"CASE WHEN {whole} THEN try_cast(split_part({x}, '.', 1) AS {target}) END"
        return f"CASE WHEN {odd} THEN {rescued} ELSE try_cast({x} AS {target}) END"
    if wanted.is_decimal:
        scale = re.findall(r"\d+", wanted)[1]
        digits = f"'\\s*[+-]?[0-9]*\\.?[0-9]{{0,{scale}}}0*\\s*'"
        exact = f"regexp_full_match({x}, {digits})"
        return f"CASE WHEN {exact} THEN try_cast({x} AS {target}) END"
    if wanted.is_float:
        # What is too large for the type would be read as infinity; only the word means it.
        finite = f"nullif(nullif(try_cast({x} AS {target}), 'inf'::{target}), '-inf'::{target})"
        spelt = f"CASE WHEN contains(lower({x}), 'inf') THEN try_cast({x} AS {target}) END"
        return f"coalesce({finite}, {spelt})"
    return f"try_cast({x} AS {target})"
