"""What the binder says of a text: problems of its names, at places of the text as it was given."""

from __future__ import annotations

from msgspec.structs import replace

from backends.duckdb.parsed import Mention, NotOneSelect
from backends.duckdb.problems import SqlProblem
from compiler.codes import Code
from compiler.diagnostics import did_you_mean
from compiler.graph.types import Column


def duplicates(columns: tuple[Column, ...]) -> tuple[SqlProblem, ...]:
    """Columns of a result that have the name of another one."""
    seen: set[str] = set()
    twice = [c.name for c in columns if c.name.lower() in seen or seen.add(c.name.lower())]  # type: ignore[func-returns-value]
    return tuple(
        SqlProblem(
            Code.DUPLICATE_NAME,
            f"two columns of the result are named `{name}`",
            None,
            help=("name one of them otherwise with `as`, or leave one out",),
        )
        for name in dict.fromkeys(twice)
    )


def not_one_select(error: NotOneSelect, sql: str) -> SqlProblem:
    """A text that is no single SELECT."""
    offset = chars(sql, error.offset)
    length = error.length if error.offset is not None else 1
    return SqlProblem(Code.SQL_SYNTAX, error.message, offset, length)


def impure_problem(mention: Mention, sql: str) -> SqlProblem:
    """A name that stands for more than the tables that the SQL names."""
    offset, length = chars(sql, mention.offset), mention.length
    if offset is None:
        # The parser gives no place for functions in FROM.
        found = sql.lower().find(mention.name.lower())
        offset, length = (found, len(mention.name)) if found >= 0 else (None, 1)
    return SqlProblem(
        Code.IMPURE_SQL,
        f"`{mention.name}` depends on more than the tables that the SQL names",
        offset,
        length,
        ("bring files in as a source, and dates and random numbers as columns",),
    )


def unknown_table(mention: Mention, names: tuple[str, ...], sql: str) -> SqlProblem:
    """A table that there is not, with what may be meant."""
    shown = ".".join(mention.path)
    offset = chars(sql, mention.offset)
    if len(mention.path) > 1:
        helps: tuple[str, ...] = ("tables have no schema here: write the block's name alone",)
    else:
        helps = did_you_mean(mention.name, names)
    return SqlProblem(Code.UNKNOWN_TABLE, f"no table `{shown}`", offset, mention.length, helps)


def shifted(problem: SqlProblem, prefix: str, text: str) -> SqlProblem:
    """The problem as one of the expression alone: codes and offsets without the query around it."""
    code = {
        Code.SQL_SYNTAX: Code.EXPRESSION_SYNTAX,
        Code.SQL_TYPE: Code.EXPRESSION_TYPE,
    }.get(problem.code, problem.code)
    offset = less(problem.offset, len(prefix))
    if offset is not None:
        offset = min(offset, max(0, len(text) - 1))
    return replace(problem, code=code, offset=offset)


def less(offset: int | None, by: int) -> int | None:
    """An offset without so much before it; None stays None."""
    return None if offset is None else max(0, offset - by)


def chars(sql: str, offset: int | None) -> int | None:
    """Characters before a byte offset."""
    if offset is None or sql.isascii():
        return offset
    return len(sql.encode()[:offset].decode(errors="ignore"))
