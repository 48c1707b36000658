"""Column lineage and nullability of a SELECT, read from the plan that DuckDB itself binds.

The plan names no columns: an expression refers to the columns of the operator
below it by their position. So each operator is a list of values, made from
those of its children. What stands in a plan and is not known here is not
guessed at: the whole query is then said to be unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from backends.duckdb.groups import large_groups
from backends.duckdb.nulls import refuses_null
from backends.duckdb.values import (
    Plan,
    UnknownPlan,
    Value,
    aggregated,
    computed,
    either,
    merged,
    origins_of,
    windowed,
)
from compiler.graph.lineage import Flow, Origin
from compiler.graph.types import TableType


class Walk(Struct):
    """One walk over a plan; a CTE's values are kept by its number."""

    tables: Mapping[str, TableType]
    rows: list[Origin] = field(default_factory=list)
    shared: dict[int, list[Value]] = field(default_factory=dict)
    scans: int = 0
    mention: int = 0
    mentions: dict[tuple[int, int], int] = field(default_factory=dict)

    def values(self, plan: Plan) -> list[Value]:
        """The columns of an operator."""
        made = _OPERATORS.get(plan["type"])
        if made is None:
            raise UnknownPlan(plan["type"])
        values = made(self, plan)
        return _chosen(values, plan.get("projection_map"))

    def below(self, plan: Plan) -> list[Value]:
        """The columns of an operator's only child."""
        (child,) = plan["children"]
        return self.values(child)

    def decided(self, expressions: Any, values: Sequence[Value], flow: Flow) -> None:
        """Remember that expressions decide about rows."""
        for origin in origins_of(expressions, values, flow):
            self.rows.append(replace(origin, treatments=()))

    def scan(self, plan: Plan) -> list[Value]:
        """A table, or what a table function makes of constants."""
        indexes = [found.get("index", 0) for found in plan.get("column_indexes", ())]
        chosen = plan.get("projection_ids") or range(len(indexes))
        name = str(plan.get("function_data", {}).get("table", "")).lower()
        table = self.tables.get(name)
        if table is None:
            if "function_data" in plan and name:
                raise UnknownPlan(f"the table {name}")
            return [Value() for _ in chosen]
        self.scans += 1
        return [_column(name, table, indexes[at], self.scans) for at in chosen]

    def projection(self, plan: Plan) -> list[Value]:
        """Expressions over the columns below."""
        below = self.below(plan)
        return [computed(expression, below) for expression in plan["expressions"]]

    def filter(self, plan: Plan) -> list[Value]:
        """Rows that hold conditions."""
        values = self.below(plan)
        conditions = plan.get("expressions", [])
        self.decided(conditions, values, Flow.FILTER)
        return large_groups(conditions, _without_nulls(conditions, values))

    def aggregate(self, plan: Plan) -> list[Value]:
        """Groups, then aggregates over them."""
        below = self.below(plan)
        groups, sets = plan.get("groups", []), plan.get("grouping_sets", [])
        self.decided(groups, below, Flow.GROUP_BY)
        partial = len(sets) > 1
        made = [computed(group, below) for group in groups]
        made = [replace(v, nullable=v.nullable or partial, counts=None) for v in made]
        number = -plan.get("aggregate_index", 0) - 1
        # An aggregate without groups has a row even where there are none to see.
        empty = not groups or partial
        made += [aggregated(e, below, number, empty) for e in plan.get("expressions", [])]
        return made + [Value(nullable=False) for _ in plan.get("grouping_functions", [])]

    def window(self, plan: Plan) -> list[Value]:
        """The columns below, then one for each window function."""
        below = self.below(plan)
        return below + [windowed(expression, below) for expression in plan["expressions"]]

    def join(self, plan: Plan) -> list[Value]:
        """Two tables side by side."""
        left, right = (self.values(child) for child in plan["children"])
        conditions = plan.get("conditions", [])
        for side, values in (("left", left), ("right", right)):
            self.decided([c[side] for c in conditions if side in c], values, Flow.JOIN)
        both = [*left, *right]
        self.decided(plan.get("condition", {}), both, Flow.JOIN)
        kind = plan.get("join_type", "INNER")
        if kind == "MARK":
            told = [c[side] for c in conditions for side in ("left",) if side in c]
            mark = origins_of(told, left, Flow.TRANSFORMATION)
            mark += origins_of([c["right"] for c in conditions], right, Flow.TRANSFORMATION)
            return [*_chosen(left, plan.get("left_projection_map")), Value(merged(mark))]
        left, right = _matched(kind, conditions, left, right)
        left = _chosen(left, plan.get("left_projection_map"))
        right = _chosen(right, plan.get("right_projection_map"))
        if kind in ("SEMI", "ANTI"):
            return left
        return right if kind in ("RIGHT_SEMI", "RIGHT_ANTI") else [*left, *right]

    def union(self, plan: Plan) -> list[Value]:
        """Rows of both."""
        sides = [self.values(child) for child in plan["children"]]
        return [either(values) for values in zip(*sides, strict=True)]

    def less(self, plan: Plan) -> list[Value]:
        """Rows of the first that the second has, or has not."""
        left, right = (self.values(child) for child in plan["children"])
        for value in (*left, *right):
            self.rows += [replace(o, flow=Flow.FILTER, treatments=()) for o in value.origins]
        return left

    def ordered(self, plan: Plan) -> list[Value]:
        """The same rows in an order, or some of them."""
        values = self.below(plan)
        self.decided(plan.get("orders", []), values, Flow.SORT)
        self.decided(plan.get("distinct_targets", []), values, Flow.GROUP_BY)
        return values

    def with_shared(self, plan: Plan) -> list[Value]:
        """A CTE, and the query that reads it."""
        made, reader = plan["children"]
        self.shared[plan.get("table_index", 0)] = self.values(made)
        return self.values(reader)

    def recursive(self, plan: Plan) -> list[Value]:
        """A CTE that reads itself: until nothing new flows in."""
        first, step = plan["children"]
        number = plan.get("table_index", 0)
        values = self.values(first)
        for _ in range(len(values) + 2):
            self.shared[number] = values
            grown = [either(pair) for pair in zip(values, self.values(step), strict=True)]
            if [_plainly(v) for v in grown] == [_plainly(v) for v in values]:
                return values
            values = grown
        raise UnknownPlan("a recursion that does not settle")

    def reference(self, plan: Plan) -> list[Value]:
        """One mention of a CTE: its rows are not those of another mention."""
        self.mention += 1
        return [
            replace(value, origins=tuple(map(self._mentioned, value.origins)))
            for value in self.shared[plan.get("cte_index", 0)]
        ]

    def _mentioned(self, origin: Origin) -> Origin:
        known = self.mentions.get((origin.scan, self.mention))
        if known is None:
            self.scans += 1
            known = self.mentions[origin.scan, self.mention] = self.scans
        return replace(origin, scan=known)

    def unnested(self, plan: Plan) -> list[Value]:
        """The columns below, then one for each list that is taken apart."""
        below = self.below(plan)
        made = [Value(origins_of(e, below, Flow.TRANSFORMATION)) for e in plan["expressions"]]
        return below + made

    def rows_given(self, plan: Plan) -> list[Value]:
        """Rows of expressions: ``values (1, 2)``."""
        below = self.below(plan)
        columns = zip(*plan["expressions"], strict=True)
        return [either([computed(cell, below) for cell in column]) for column in columns]

    def nothing(self, _plan: Plan) -> list[Value]:
        """One row without columns; it counts as one."""
        return [Value()]


_OPERATORS: Mapping[str, Callable[[Walk, Plan], list[Value]]] = {
    "LOGICAL_GET": Walk.scan,
    "LOGICAL_PROJECTION": Walk.projection,
    "LOGICAL_FILTER": Walk.filter,
    "LOGICAL_AGGREGATE_AND_GROUP_BY": Walk.aggregate,
    "LOGICAL_WINDOW": Walk.window,
    "LOGICAL_COMPARISON_JOIN": Walk.join,
    "LOGICAL_ANY_JOIN": Walk.join,
    "LOGICAL_ASOF_JOIN": Walk.join,
    "LOGICAL_CROSS_PRODUCT": Walk.join,
    "LOGICAL_POSITIONAL_JOIN": Walk.join,
    "LOGICAL_UNION": Walk.union,
    "LOGICAL_EXCEPT": Walk.less,
    "LOGICAL_INTERSECT": Walk.less,
    "LOGICAL_DISTINCT": Walk.ordered,
    "LOGICAL_ORDER_BY": Walk.ordered,
    "LOGICAL_LIMIT": Walk.ordered,
    "LOGICAL_TOP_N": Walk.ordered,
    "LOGICAL_SAMPLE": Walk.ordered,
    "LOGICAL_MATERIALIZED_CTE": Walk.with_shared,
    "LOGICAL_RECURSIVE_CTE": Walk.recursive,
    "LOGICAL_CTE_REF": Walk.reference,
    "LOGICAL_UNNEST": Walk.unnested,
    "LOGICAL_EXPRESSION_GET": Walk.rows_given,
    "LOGICAL_DUMMY_SCAN": Walk.nothing,
}


def _column(name: str, table: TableType, at: int, scan: int) -> Value:
    if at >= len(table.columns):
        return Value(nullable=False)  # the row's number, which `count(*)` reads
    column = table.columns[at]
    return Value((Origin(name, column.name, scan=scan),), column.nullable)


def _chosen(values: list[Value], indexes: Sequence[int] | None) -> list[Value]:
    return [values[at] for at in indexes] if indexes else values


def _plainly(value: Value) -> tuple[frozenset[tuple[str, str, Flow]], bool]:
    return frozenset((o.input, o.column, o.flow) for o in value.origins), value.nullable


def _without_nulls(conditions: Sequence[Plan], values: list[Value]) -> list[Value]:
    """The columns of rows for which conditions are true."""
    sure = {at for condition in conditions for at in refuses_null(condition)}
    return [
        replace(value, nullable=False) if at in sure else value for at, value in enumerate(values)
    ]


def _matched(
    kind: str, conditions: Sequence[Plan], left: list[Value], right: list[Value]
) -> tuple[list[Value], list[Value]]:
    """Both sides of a join with the nulls that it brings, or keeps out."""
    if kind in ("INNER", "SEMI"):
        equal = [c for c in conditions if c.get("comparison", "").startswith("COMPARE_")
                 and "DISTINCT" not in c["comparison"]]  # fmt: skip
        for side, values in (("left", left), ("right", right)):
            sure = {c[side].get("index", 0) for c in equal if c[side]["type"] == "BOUND_REF"}
            for at in sure:
                values[at] = replace(values[at], nullable=False)
    if kind in ("LEFT", "FULL", "OUTER", "SINGLE"):
        right = [replace(value, nullable=True, counts=None) for value in right]
    if kind in ("RIGHT", "FULL", "OUTER"):
        left = [replace(value, nullable=True, counts=None) for value in left]
    return left, right
