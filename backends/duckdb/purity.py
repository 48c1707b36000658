"""Which functions SQL may call: those whose result depends on their arguments alone."""

from __future__ import annotations

import duckdb
from msgspec import Struct, field

from backends.duckdb.parsed import Mention, NotOneSelect, Parsed, parse, syntax_trees

_TABLE_FUNCTIONS = frozenset(
    ("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree")
)
# DuckDB calls these pure although they read the clock or the session.
_MISLABELLED = frozenset(
    (
        "current_localtime",
        "current_localtimestamp",
        "version",
        "pg_backend_pid",
        "pg_postmaster_start_time",
    )
)
_KEYWORDS = frozenset(
    (
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
        "current_user", "session_user", "current_role", "user", "current_catalog",
        "current_schema", "current_database",
    )
)  # fmt: skip


class Functions(Struct):
    """The functions of one DuckDB that need a look, read from its catalogue once."""

    impure: frozenset[str]
    aggregates: frozenset[str]
    macros: dict[str, str]
    names: frozenset[str]
    judged: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Functions:
        """Read the catalogue."""
        rows = connection.execute(
            # Pure scalar functions are most of the catalogue, and nobody asks for them. A name
            # that is pure for some arguments depends for others on the time zone, which is set.
            "SELECT lower(function_name), function_type, any_value(macro_definition), "
            "bool_and(coalesce(stability, 'CONSISTENT') <> 'CONSISTENT') AS varies "
            "FROM duckdb_functions() GROUP BY ALL HAVING function_type <> 'scalar' OR varies"
        ).fetchall()
        impure = {n for n, _, _, varies in rows if varies} - {"error"}
        return cls(
            frozenset(impure | _MISLABELLED),
            frozenset(n for n, kind, _, _ in rows if kind == "aggregate"),
            {n: macro for n, kind, macro, _ in rows if kind == "macro" and macro},
            frozenset(n for n, _, _, _ in rows),
        )


def impure(
    parsed: Parsed,
    functions: Functions,
    columns: frozenset[str],
    connection: duckdb.DuckDBPyConnection,
) -> list[Mention]:
    """What the SELECT mentions that reads the clock, chance, the session, files or the network."""
    found = [m for m in parsed.functions if _is_impure(m, functions, connection)]
    found += [m for m in parsed.bare if m.name.lower() in _KEYWORDS - columns]
    found += [m for m in parsed.tables if _is_file(m.name)]
    return found + parsed.samples


def _is_impure(
    mention: Mention, functions: Functions, connection: duckdb.DuckDBPyConnection
) -> bool:
    name = mention.name.lower()
    if mention.table:
        return name in functions.names and name not in _TABLE_FUNCTIONS
    if name == "age":
        return mention.arguments < 2
    if name in functions.impure:
        return True
    if name in functions.macros:
        return _macro_is_impure(name, functions, connection)
    return False


def _macro_is_impure(
    name: str, functions: Functions, connection: duckdb.DuckDBPyConnection
) -> bool:
    if name not in functions.judged:
        functions.judged[name] = False
        text = f"SELECT {functions.macros[name]}"
        try:
            body = parse(text, syntax_trees(connection, [text])[text])
        except NotOneSelect:
            return False
        functions.judged[name] = bool(impure(body, functions, frozenset(), connection))
    return functions.judged[name]


def _is_file(table: str) -> bool:
    """Whether a table's name would make DuckDB look for a file or an address."""
    suffix = table.lower().rsplit(".", 1)[-1] if "." in table else ""
    known = ("parquet", "csv", "tsv", "json", "jsonl", "ndjson", "arrow", "gz", "zst", "xlsx", "db")
    return "/" in table or "\\" in table or "*" in table or suffix in known
