"""SQL as DuckDB's own parser sees it: its tables, its functions, and whether it is one SELECT."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import duckdb
import msgspec
from msgspec import Struct, field

Ast: TypeAlias = Any

_NAN = re.compile(r'("value":)-?NAN\b')
_TOKENS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/|;", re.DOTALL
)
"""What a semicolon may stand in without ending a statement, and the semicolon itself."""

DEEPEST = 500
"""Levels of brackets: DuckDB's parser takes the square of them where they are not closed."""

SELECT_ONLY = "only a single SELECT is allowed here"


class NotOneSelect(Exception):
    """The text is no single SELECT; ``offset`` and ``length`` are in bytes where known."""

    def __init__(self, message: str, offset: int | None = None, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length


class Mention(Struct, frozen=True):
    """A name in the SQL with its place in bytes; ``path`` holds its qualifiers, the name last.

    ``arguments`` counts a function's; ``table`` marks a function in FROM.
    """

    path: tuple[str, ...]
    offset: int | None
    length: int
    arguments: int = 0
    table: bool = False

    @property
    def name(self) -> str:
        """The unqualified name."""
        return self.path[-1]


class Parsed(Struct):
    """One SELECT: its syntax tree and what it mentions, in the order of the text."""

    node: Ast
    tables: list[Mention] = field(default_factory=list)
    functions: list[Mention] = field(default_factory=list)
    bare: list[Mention] = field(default_factory=list)
    samples: list[Mention] = field(default_factory=list)
    shows: bool = False
    classes: set[str] = field(default_factory=set)


def syntax_trees(
    connection: duckdb.DuckDBPyConnection, texts: Sequence[str]
) -> dict[str, str | None]:
    """DuckDB's syntax tree of each text as JSON, None where it gives none.

    Many in one call cost a third of as many calls.
    """
    safe = [sql for sql in texts if "\0" not in sql and too_deep(sql) is None]
    asked = "SELECT t, json_serialize_sql(t) FROM unnest(?::VARCHAR[]) AS x(t)"
    try:
        return dict(connection.execute(asked, [safe]).fetchall())
    except duckdb.Error:
        if len(safe) == 1:
            return {safe[0]: None}
        return {sql: syntax_trees(connection, [sql])[sql] for sql in safe}


def too_deep(sql: str) -> int | None:
    """The byte at which brackets are nested too deep, outside of texts and comments; else None."""
    if sql.count("(") + sql.count("[") + sql.count("{") <= DEEPEST:
        return None
    plain = _TOKENS.sub(lambda token: " " * len(token[0]), sql)
    depth = 0
    for at, character in enumerate(plain):
        depth += (character in "([{") - (character in ")]}")
        if depth > DEEPEST:
            return len(sql[:at].encode())
    return None


def decoded(text: str) -> Any:
    """What DuckDB writes as JSON, in which a number may be ``Infinity``, or ``NAN``."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(_NAN.sub(r"\1NaN", text))


def parse(sql: str, tree: str | None) -> Parsed:
    """Read the syntax tree of one SELECT.

    Raises:
        NotOneSelect: It has a syntax error, or is another statement or several.
    """
    if "\0" in sql:
        raise NotOneSelect("SQL may not contain a null character", sql.index("\0"))
    deep = too_deep(sql)
    if deep is not None:
        raise NotOneSelect(f"brackets are nested deeper than {DEEPEST} levels", deep)
    if tree is None:
        raise NotOneSelect("the SQL cannot be parsed")
    found: dict[str, Any] = decoded(tree)
    if found["error"]:
        if found.get("error_type") == "not implemented":
            raise NotOneSelect(SELECT_ONLY)
        offset, length = place_of(found)
        raise NotOneSelect(str(found.get("error_message", "not SQL")), offset, length)
    statements = found["statements"]
    if len(statements) != 1:
        raise NotOneSelect(f"{SELECT_ONLY}; here are {len(statements)} statements")
    parsed = Parsed(statements[0]["node"])
    _walk(parsed.node, frozenset(), parsed)
    for mentions in (parsed.tables, parsed.functions, parsed.bare):
        mentions.sort(key=lambda m: -1 if m.offset is None else m.offset)
    return parsed


def place_of(error: dict[str, Any]) -> tuple[int | None, int]:
    """Byte offset and length of an error that DuckDB reported as JSON."""
    if "location" in error:
        offset, length = msgspec.json.decode(error["location"])
        return int(offset), max(1, int(length))
    if "position" in error:
        return int(error["position"]), 1
    return None, 1


def statement(sql: str) -> str:
    """The SQL of one SELECT as it may stand in parentheses: no closing semicolon."""
    end = next((m.start() for m in _TOKENS.finditer(sql) if m[0] == ";"), len(sql))
    # A comment may end the text: what follows it must stand on a line of its own.
    return sql[:end] + "\n"


def _walk(node: dict[str, Any], known: frozenset[str], out: Parsed) -> None:
    _note(node, known, out)
    inner = known
    if node.get("cte_map"):
        for name, query in _ctes(node):
            recursive = query.get("type") == "RECURSIVE_CTE_NODE"
            _walk(query, inner | {name} if recursive else inner, out)
            inner = inner | {name}
    for key, value in node.items():
        if type(value) is dict:
            if key != "cte_map":
                _walk(value, inner, out)
        elif type(value) is list:
            _walk_all(value, inner, out)


def _walk_all(nodes: list[Any], known: frozenset[str], out: Parsed) -> None:
    for node in nodes:
        if type(node) is dict:
            _walk(node, known, out)
        elif type(node) is list:
            _walk_all(node, known, out)


def _ctes(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in (node.get("cte_map") or {}).get("map", ()):
        yield entry["key"].lower(), entry["value"]["query_node"]


def _note(node: dict[str, Any], known: frozenset[str], out: Parsed) -> None:
    kind = node.get("type")
    out.classes.add(str(node.get("class", "")))
    if kind == "BASE_TABLE":
        mention = _mention(node, node["qualified_name"]["path"])
        if len(mention.path) > 1 or mention.name.lower() not in known:
            out.tables.append(mention)
    elif kind == "TABLE_FUNCTION":
        function = node["function"]
        path = function["qualified_name"]["path"]
        out.functions.append(_mention(function, path, table=True))
    elif kind == "SHOW_REF":
        out.shows = True
    elif node.get("class") in ("FUNCTION", "WINDOW"):
        name = node.get("function_name") or ""
        out.functions.append(_mention(node, [name]))
    elif node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
        out.bare.append(_mention(node, node["column_names"]))
    sample = node.get("sample")
    if isinstance(sample, dict) and not sample.get("repeatable"):
        out.samples.append(_mention(node, ["tablesample"]))


def _mention(node: dict[str, Any], path: list[str], table: bool = False) -> Mention:
    offset = node.get("query_location")
    known = isinstance(offset, int) and offset < 2**63
    arguments = node.get("arguments") or node.get("children") or ()
    length = max(1, int(node.get("query_location_length") or 1))
    return Mention(tuple(path), offset if known else None, length, len(arguments), table)
