"""The typed binder: what columns a SELECT yields over given tables, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import duckdb
from msgspec import Struct
from msgspec.structs import replace

from backends.duckdb.ahead import Answers
from backends.duckdb.conditions import condition_of
from backends.duckdb.described import Described
from backends.duckdb.parsed import NotOneSelect, Parsed, parse, syntax_trees
from backends.duckdb.places import nearest
from backends.duckdb.plans import Traced, plans, unknown, written
from backends.duckdb.problems import SqlProblem, translate
from backends.duckdb.purity import Functions, impure
from backends.duckdb.saying import (
    chars,
    duplicates,
    impure_problem,
    less,
    not_one_select,
    shifted,
    unknown_table,
)
from backends.duckdb.sessions import Sessions
from backends.duckdb.shapes import Shape, Shapes
from backends.duckdb.types import from_duckdb
from compiler.analyse.algebra.conditions import OPAQUE, Condition
from compiler.codes import Code
from compiler.graph.lineage import Derivation, Lineage
from compiler.graph.types import Column, DataType, TableType

_ROWS = "__rows"
_PREFIX = "SELECT ("
_CONDITION = ("write a condition on one row, for example `x > 0` or `x is not null`",)


class BoundQuery(Struct, frozen=True):
    """A SELECT's columns, without tags, and where they come from; or its problems."""

    columns: tuple[Column, ...] = ()
    problems: tuple[SqlProblem, ...] = ()
    lineage: Lineage = Lineage(())


class BoundExpression(Struct, frozen=True):
    """An expression's type, or its problems."""

    type: DataType | None = None
    problems: tuple[SqlProblem, ...] = ()


class Binder:
    """Binds SQL against table types; nothing is executed, no file or network is touched.

    Offsets in problems count characters in the text that was given.
    """

    version = f"duckdb {duckdb.__version__}"

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._trees = Answers(syntax_trees, self._sessions)
        self._parsed: dict[str, Parsed] = {}
        self._described = Described(self._sessions, Answers(plans, self._sessions))
        self._shapes = Shapes()

    @cached_property
    def _functions(self) -> Functions:
        return Functions.of(self._sessions.here)

    def read_ahead(self, queries: Sequence[str], expressions: Sequence[str]) -> None:
        """Be told all that will be asked about, to have it parsed together, which is cheaper."""
        texts = (*queries, *(_wrapped(text) for text in expressions))
        self._trees.ahead([text for text in texts if text not in self._parsed])

    def tables(self, sql: str) -> tuple[str, ...]:
        """The tables a SELECT reads, as written, each once; () where it cannot be parsed."""
        try:
            parsed = self._parse(sql)
        except NotOneSelect:
            return ()
        return tuple(dict.fromkeys(m.name for m in parsed.tables if len(m.path) == 1))

    def bind(self, sql: str, tables: Mapping[str, TableType], lineage: bool = True) -> BoundQuery:
        """Type one SELECT over the tables by their names (any case, as in SQL).

        Without ``lineage`` all columns are said to be nullable.
        """
        try:
            parsed = self._parse(sql)
        except NotOneSelect as error:
            return BoundQuery(problems=(not_one_select(error, sql),))
        known = {name.lower(): table for name, table in tables.items()}
        problems = self._mentions(parsed, known, tuple(tables), sql)
        if problems:
            return BoundQuery(problems=problems)
        return self._bound(sql, parsed, known, lineage)

    def expression(
        self, text: str, table: TableType, expected: str | None = "bool"
    ) -> BoundExpression:
        """Type one row-level expression over a table's columns.

        Args:
            text: The expression: no aggregate, window or subquery.
            table: Its columns.
            expected: The canonical type it must have; None takes any.
        """
        sql = _wrapped(text)
        problems = self._shape(text, sql)
        bound = BoundQuery(problems=problems)
        if not problems:
            bound = self.bind(sql, {_ROWS: table}, lineage=False)
        if bound.problems:
            return BoundExpression(
                problems=tuple(shifted(p, _PREFIX, text) for p in bound.problems)
            )
        found = bound.columns[0].type
        if expected is not None and found != expected:
            message = f"expected {expected}, but this is {found}"
            helps = _CONDITION if expected == "bool" else ()
            problem = SqlProblem(Code.EXPRESSION_TYPE, message, 0, max(1, len(text)), helps)
            return BoundExpression(found, (problem,))
        return BoundExpression(found)

    def condition(self, text: str) -> Condition:
        """What a row-level condition says as far as it is plain; the rest is opaque."""
        sql = _wrapped(text)
        if self._shape(text, sql):
            return OPAQUE
        return condition_of(self._parse(sql), lambda at: (chars(sql, at) or 0) - len(_PREFIX))

    def matching(self, pattern: str, texts: Sequence[str]) -> tuple[bool, ...]:
        """Of each text whether the pattern is found in it."""
        asked = "SELECT regexp_matches(t, $1) FROM unnest($2::VARCHAR[]) AS x(t)"
        return tuple(
            bool(row[0])
            for row in self._sessions.here.execute(asked, [pattern, [*texts]]).fetchall()
        )

    def pattern(self, text: str) -> str | None:
        """What is wrong with a regular expression; None where it is one."""
        try:
            self._sessions.here.execute("SELECT regexp_matches('', $1)", [text]).fetchall()
        except duckdb.Error as error:
            return translate(error, {}).message
        return None

    def _parse(self, sql: str) -> Parsed:
        """Parse once: the names of a query are asked for before its types."""
        found = self._parsed.get(sql)
        if found is None:
            found = self._parsed[sql] = parse(sql, self._trees.take(sql))
        return found

    def _shape(self, text: str, sql: str) -> tuple[SqlProblem, ...]:
        """Problems of a text that is no single row-level expression."""
        if not text.strip():
            return (SqlProblem(Code.EXPRESSION_SYNTAX, "the expression is empty", None),)
        try:
            parsed = self._parse(sql)
        except NotOneSelect as error:
            return (not_one_select(error, sql),)
        node = parsed.node
        alone = (
            node.get("type") == "SELECT_NODE"
            and len(node["select_list"]) == 1
            and (node["from_table"] or {}).get("type") == "BASE_TABLE"
            and [m.name for m in parsed.tables] == [_ROWS]
            and not any(
                node.get(part) for part in ("where_clause", "modifiers", "having", "qualify")
            )
            and not node["group_expressions"]
        )
        aggregates = [m for m in parsed.functions if m.name.lower() in self._functions.aggregates]
        if alone and not aggregates and not parsed.classes & {"WINDOW", "SUBQUERY", "STAR"}:
            return ()
        message = "only an expression over the columns of one row is allowed here"
        offset = aggregates[0].offset if aggregates else None
        length = aggregates[0].length if aggregates else 1
        return (SqlProblem(Code.EXPRESSION_SYNTAX, message, chars(sql, offset), length),)

    def _mentions(
        self, parsed: Parsed, known: Mapping[str, TableType], names: tuple[str, ...], sql: str
    ) -> tuple[SqlProblem, ...]:
        """Problems of the names that the SELECT mentions."""
        if parsed.shows:
            return (SqlProblem(Code.SQL_SYNTAX, "only a single SELECT is allowed here", None),)
        read = [known[m.name.lower()] for m in parsed.tables if m.name.lower() in known]
        columns = frozenset(name.lower() for table in read for name in table.names)
        outside = impure(parsed, self._functions, columns, self._sessions.here)
        problems = [impure_problem(m, sql) for m in outside]
        for mention in parsed.tables:
            if mention in outside or (len(mention.path) == 1 and mention.name.lower() in known):
                continue
            problems.append(unknown_table(mention, names, sql))
        return tuple(problems)

    def bind_ahead(self, asked: Sequence[tuple[str, Mapping[str, TableType]]]) -> None:
        """Be told queries that will be bound, to ask DuckDB about them together."""
        shapes = []
        for sql, tables in asked:
            known = {name.lower(): table for name, table in tables.items()}
            try:
                parsed = self._parse(sql)
            except NotOneSelect:
                continue
            if not self._mentions(parsed, known, tuple(tables), sql):
                shape = self._shape_of(sql, parsed, known)
                shapes.append((shape.sql, shape.tables))
        self._described.ahead(shapes)

    def _shape_of(self, sql: str, parsed: Parsed, known: Mapping[str, TableType]) -> Shape:
        read = {m.name.lower(): known[m.name.lower()] for m in parsed.tables}
        return self._shapes.of(sql, parsed, read) or Shape.of_itself(sql, read)

    def _bound(
        self, sql: str, parsed: Parsed, known: Mapping[str, TableType], lineage: bool
    ) -> BoundQuery:
        """The columns of a query whose names are known."""
        shape = self._shape_of(sql, parsed, known)
        traced = self._described.traced(shape.sql, shape.tables) if lineage else None
        if traced is not None and None not in traced.types and not _renamed(traced.names):
            types = (from_duckdb(str(found)) for found in traced.types)
            columns = tuple(map(Column, traced.names, types))
            return _traced(sql, shape, columns, traced, written(parsed.node))
        bound = self._described.columns(shape.sql, shape.tables)
        if bound is None and shape.sql != sql:
            # Columns may be named after their table: then the names have to be the query's own.
            shape = Shape.of_itself(sql, {name: known[name] for name in shape.local.values()})
            traced = self._described.traced(sql, shape.tables) if lineage else None
            bound = self._described.columns(sql, shape.tables)
        if bound is None:
            return BoundQuery(problems=(self._problem(sql, shape.tables),))
        columns, problems = bound, duplicates(bound)
        if problems or not lineage:
            return BoundQuery(columns, problems)
        if traced is not None and len(traced.columns) == len(columns):
            return _traced(sql, shape, columns, traced, written(parsed.node))
        tables = {name: known[name] for name in shape.local.values()}
        return BoundQuery(columns, lineage=unknown(columns, tables))

    def _problem(self, sql: str, tables: Mapping[str, TableType]) -> SqlProblem:
        """What is wrong with a query; a relation's errors do not say where."""
        try:
            for name, table in tables.items():
                self._described.declare(name, table)
            self._sessions.here.execute(f"DESCRIBE {sql}")
        except duckdb.Error as error:
            problem = translate(error, tables)
            return replace(problem, offset=chars(sql, less(problem.offset, len("DESCRIBE "))))
        return SqlProblem(Code.SQL_TYPE, "DuckDB cannot bind this query", None)


def _renamed(names: Sequence[str]) -> bool:
    """Whether one of the names may be what DuckDB made of a second column of the same name."""
    known = {name.lower() for name in names}
    ends = (name.lower().rpartition("_") for name in names)
    return any(end.isdecimal() and before in known for before, _, end in ends)


def _traced(
    sql: str,
    shape: Shape,
    columns: tuple[Column, ...],
    traced: Traced,
    places: Mapping[str, tuple[int, int]],
) -> BoundQuery:
    """The columns with what the plan of their shape tells of them."""
    sure, derivations = [], []
    for column, value in zip(columns, traced.columns, strict=True):
        sure.append(Column(column.name, column.type, value.nullable))
        place = nearest(sql, shape, traced.span(value), places.get(column.name))
        derivations.append(Derivation(column.name, shape.called(value.origins), place))
    rows = shape.called(traced.rows)
    return BoundQuery(tuple(sure), lineage=Lineage(tuple(derivations), rows, key=traced.key))


def _wrapped(text: str) -> str:
    """A row-level expression as a query."""
    return f"{_PREFIX}{text}\n) AS x FROM {_ROWS}"
