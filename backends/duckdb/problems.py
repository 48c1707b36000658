"""DuckDB's parser and binder errors as findings with codes, places and suggestions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb
from msgspec import Struct

from backends.duckdb.parsed import place_of
from backends.duckdb.types import from_duckdb
from compiler.codes import Code
from compiler.diagnostics import did_you_mean
from compiler.graph.types import TableType

_MISSING_IN_TABLE = re.compile(r'Table "(?P<table>.+)" does not have a column named "(?P<name>.+)"')
_MISSING_COLUMN = re.compile(r'[Cc]olumn "(?P<name>.+?)" (?:not found|does not exist)')
_MISSING_TABLE = re.compile(r'Referenced table "(?P<name>.+?)" not found')
_TYPES = re.compile(r"cannot (?:compare|mix|cast|combine)|type mismatch|could not convert|"
                    r"an explicit cast|type casts|not implicitly", re.IGNORECASE)  # fmt: skip


class SqlProblem(Struct, frozen=True):
    """One finding in an SQL text.

    ``offset`` counts characters from the start of the text and ``length``
    how many it concerns; None where the whole text is meant.
    """

    code: Code
    message: str
    offset: int | None
    length: int = 1
    help: tuple[str, ...] = ()


def translate(error: duckdb.Error, tables: Mapping[str, TableType]) -> SqlProblem:
    """The finding for an error of DuckDB; its offset is in bytes of the statement."""
    details = _details(error)
    message = str(details["exception_message"])
    offset, length = place_of(details)
    code, short, helps = _judge(details, message, tables)
    return SqlProblem(code, short, offset, length, helps)


def _details(error: duckdb.Error) -> dict[str, Any]:
    text = str(error)
    start = text.find("{")
    try:
        found = json.loads(text[start:])
    except ValueError:
        found = {}
    if not isinstance(found, dict) or "exception_message" not in found:
        return {"exception_message": text, "exception_type": type(error).__name__}
    return found


def _judge(
    details: dict[str, Any], message: str, tables: Mapping[str, TableType]
) -> tuple[Code, str, tuple[str, ...]]:
    for pattern, judge in ((_MISSING_IN_TABLE, _column), (_MISSING_TABLE, _table)):
        match = pattern.search(message)
        if match is not None:
            return judge(match["name"], tables)
    if details.get("error_subtype") == "COLUMN_NOT_FOUND":
        return _column(str(details["name"]), tables)
    match = _MISSING_COLUMN.search(message)
    if match is not None:
        return _column(match["name"], tables)
    if details.get("exception_type") == "Catalog":
        return _catalog(details, message, tables)
    if "Ambiguous reference" in message:
        return _ambiguous(message)
    if details.get("error_subtype") == "NO_MATCHING_FUNCTION":
        return _no_match(details, message)
    if details.get("exception_type") == "Permission":
        return Code.IMPURE_SQL, "SQL may not read files", ("bring the file in as a source",)
    first = message.split("\n")[0].rstrip(".!")
    wrong_type = details.get("exception_type") in ("Conversion", "Mismatch Type")
    code = Code.SQL_TYPE if wrong_type or _TYPES.search(message) else Code.SQL_SYNTAX
    return code, first, tuple(line.strip() for line in message.split("\n")[1:2] if line.strip())


def _column(name: str, tables: Mapping[str, TableType]) -> tuple[Code, str, tuple[str, ...]]:
    known = {column for table in tables.values() for column in table.names}
    return Code.UNKNOWN_COLUMN, f"no column `{name}`", did_you_mean(name, known)


def _table(name: str, tables: Mapping[str, TableType]) -> tuple[Code, str, tuple[str, ...]]:
    return Code.UNKNOWN_TABLE, f"no table `{name}`", did_you_mean(name, tables)


def _catalog(
    details: dict[str, Any], message: str, tables: Mapping[str, TableType]
) -> tuple[Code, str, tuple[str, ...]]:
    kind, name = str(details.get("type", "")), str(details.get("name", ""))
    near = [text.strip() for text in str(details.get("candidates", "")).split(",") if text.strip()]
    helps = did_you_mean(name, near[:1]) or tuple(f"did you mean `{word}`?" for word in near[:1])
    if kind == "Table":
        return _table(name, tables)
    if "Function" in kind or "Macro" in kind:
        return Code.UNKNOWN_FUNCTION, f"no function `{name}`", helps
    if kind == "Type":
        return Code.SQL_TYPE, f"no type `{name}`", helps
    return Code.SQL_SYNTAX, message.split("\n")[0].rstrip("!."), helps


def _ambiguous(message: str) -> tuple[Code, str, tuple[str, ...]]:
    match = re.search(r'column name "(?P<name>.+?)" \(use: (?P<uses>.+)\)', message)
    if match is None:
        return Code.AMBIGUOUS_NAME, message.split("\n")[0], ()
    uses = match["uses"].replace("'", "`")
    return Code.AMBIGUOUS_NAME, f"`{match['name']}` could mean several columns", (f"write {uses}",)


def _no_match(details: dict[str, Any], message: str) -> tuple[Code, str, tuple[str, ...]]:
    name = str(details.get("name", ""))
    call = re.search(r"\((?P<types>.*)\)$", str(details.get("call", "")))
    given = ", ".join(_spoken(t) for t in _split(call["types"])) if call else "these arguments"
    shown = [line.strip() for line in message.split("\n") if "->" in line]
    takes = tuple(f"it takes {line}" for line in shown[:3]) if name.isidentifier() else ()
    return (
        Code.SQL_TYPE,
        f"`{name}` does not take ({given})",
        (*takes, "convert with `cast(... as ...)`"),
    )


def _spoken(name: str) -> str:
    return str(from_duckdb(name.strip().removesuffix("_LITERAL")))


def _split(types: str) -> list[str]:
    """Split at the commas that are outside of parentheses."""
    return re.split(r",\s*(?![^()]*\))", types)
