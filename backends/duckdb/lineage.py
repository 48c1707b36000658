"""Column lineage and nullability of a SELECT, read from the plan that DuckDB itself binds.

The plan names no columns: an expression refers to the columns of the operator
below it by their position. So each operator is a list of values, made from
those of its children. What stands in a plan and is not known here is not
guessed at: the whole query is then said to be unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from backends.duckdb.nulls import is_nullable, refuses_null
from compiler.graph.lineage import Flow, Origin, Treatment
from compiler.graph.types import TableType

Plan: TypeAlias = dict[str, Any]
Span: TypeAlias = tuple[int, int]

_STATISTICS = frozenset((
    "count", "count_star", "sum", "sum_no_overflow", "fsum", "kahan_sum", "avg", "favg", "mean",
    "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop", "sem",
    "approx_count_distinct", "corr", "covar_samp", "covar_pop", "regr_slope", "regr_intercept",
))  # fmt: skip
"""Aggregates that show no single row's value; ``max`` and ``list`` do."""
_EARLIER = ("WINDOW_LAG",)
_HIDDEN = frozenset(("function_data", "return_type", "value", "types", "arguments", "lambda_expr"))
"""Keys of an expression that mention no columns of the operator below; a lambda has its own."""


class UnknownPlan(Exception):
    """A plan that has something in it that this module does not know."""


class Value(Struct, frozen=True):
    """A column of an operator.

    ``counts`` names the aggregate whose rows it counts, if it does nothing else;
    ``groups`` those that it is a statistic of; ``span`` are the bytes where the
    expression stands in the SQL.
    """

    origins: tuple[Origin, ...] = ()
    nullable: bool = True
    counts: int | None = None
    groups: frozenset[int] = frozenset()
    span: Span | None = None


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
        for origin in _origins(expressions, values, flow):
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
        return [_computed(expression, below) for expression in plan["expressions"]]

    def filter(self, plan: Plan) -> list[Value]:
        """Rows that hold conditions."""
        values = self.below(plan)
        conditions = plan.get("expressions", [])
        self.decided(conditions, values, Flow.FILTER)
        return _large_groups(conditions, _without_nulls(conditions, values))

    def aggregate(self, plan: Plan) -> list[Value]:
        """Groups, then aggregates over them."""
        below = self.below(plan)
        groups, sets = plan.get("groups", []), plan.get("grouping_sets", [])
        self.decided(groups, below, Flow.GROUP_BY)
        partial = len(sets) > 1
        made = [_computed(group, below) for group in groups]
        made = [replace(v, nullable=v.nullable or partial, counts=None) for v in made]
        number = -plan.get("aggregate_index", 0) - 1
        # An aggregate without groups has a row even where there are none to see.
        empty = not groups or partial
        made += [_aggregated(e, below, number, empty) for e in plan.get("expressions", [])]
        return made + [Value(nullable=False) for _ in plan.get("grouping_functions", [])]

    def window(self, plan: Plan) -> list[Value]:
        """The columns below, then one for each window function."""
        below = self.below(plan)
        return below + [_windowed(expression, below) for expression in plan["expressions"]]

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
            mark = _origins(told, left, Flow.TRANSFORMATION)
            mark += _origins([c["right"] for c in conditions], right, Flow.TRANSFORMATION)
            return [*_chosen(left, plan.get("left_projection_map")), Value(_merged(mark))]
        left, right = _matched(kind, conditions, left, right)
        left = _chosen(left, plan.get("left_projection_map"))
        right = _chosen(right, plan.get("right_projection_map"))
        if kind in ("SEMI", "ANTI"):
            return left
        return right if kind in ("RIGHT_SEMI", "RIGHT_ANTI") else [*left, *right]

    def union(self, plan: Plan) -> list[Value]:
        """Rows of both."""
        sides = [self.values(child) for child in plan["children"]]
        return [_either(values) for values in zip(*sides, strict=True)]

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
            grown = [_either(pair) for pair in zip(values, self.values(step), strict=True)]
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
        made = [Value(_origins(e, below, Flow.TRANSFORMATION)) for e in plan["expressions"]]
        return below + made

    def rows_given(self, plan: Plan) -> list[Value]:
        """Rows of expressions: ``values (1, 2)``."""
        below = self.below(plan)
        columns = zip(*plan["expressions"], strict=True)
        return [_either([_computed(cell, below) for cell in column]) for column in columns]

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


def _computed(expression: Plan, below: Sequence[Value]) -> Value:
    """An expression over one row."""
    if expression["type"] == "BOUND_REF":
        return below[expression.get("index", 0)]
    origins = _origins(expression, below, Flow.TRANSFORMATION)
    nullable = is_nullable(expression, [value.nullable for value in below])
    start = expression.get("query_location")
    length = expression.get("query_location_length", 1)
    span = None if start is None else (start, length)
    return Value(origins, nullable, span=span)


def _aggregated(expression: Plan, below: Sequence[Value], number: int, empty: bool) -> Value:
    """An aggregate over a group."""
    name = str(expression["qname"]["path"][-1]).lower()
    origins = _origins(expression, below, Flow.AGGREGATION)
    counting = name in ("count", "count_star")
    nulls = [v.nullable for v in below]
    inputs = [is_nullable(child, nulls) for child in expression.get("children", [])]
    kept = name in ("min", "max", "sum", "avg", "first", "last", "any_value")
    nullable = not counting and (empty or not kept or any(inputs) or "filter" in expression)
    plain = counting and not any(inputs) and not {"filter", "order_bys"} & expression.keys()
    distinct = expression.get("aggregate_type") == "DISTINCT"
    counts = number if plain and not distinct else None
    groups = frozenset((number,)) if name in _STATISTICS else frozenset()
    return Value(origins, nullable, counts, groups)


def _windowed(expression: Plan, below: Sequence[Value]) -> Value:
    """A window function: values flow in, and the order and the partition decide which."""
    kind = expression["type"]
    shown = {k: v for k, v in expression.items() if k not in ("partitions", "orders", "arg_orders")}
    ends_before = expression.get("end") in ("EXPR_PRECEDING_ROWS", "EXPR_PRECEDING_RANGE")
    past = bool(expression.get("orders")) and (kind in _EARLIER or ends_before)
    values = [replace(o, past=past or o.past) for o in _origins(shown, below, Flow.AGGREGATION)]
    by = {k: expression.get(k) for k in ("partitions", "orders", "arg_orders")}
    values += _origins(by, below, Flow.WINDOW)
    ranks = ("WINDOW_ROW_NUMBER", "WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_NTILE",
             "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST")  # fmt: skip
    return Value(_merged(values), kind not in ranks)


def _origins(expression: Any, below: Sequence[Value], flow: Flow) -> tuple[Origin, ...]:
    """What the columns come from that an expression mentions, with its own flow added."""
    found: list[Origin] = []
    for at in _references(expression):
        found += [_through(origin, flow) for origin in below[at].origins]
    return _merged(found)


def _references(expression: Any) -> Iterable[int]:
    """The positions that an expression mentions."""
    waiting = [expression]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            if here.get("type") == "BOUND_REF":
                yield here.get("index", 0)
            waiting.extend(value for key, value in here.items() if key not in _HIDDEN)


_STRENGTH = {flow: at for at, flow in enumerate(Flow)}


def _through(origin: Origin, flow: Flow) -> Origin:
    """An origin behind one more step: what is indirect stays so, what is aggregated too."""
    if _STRENGTH[flow] <= _STRENGTH[origin.flow]:
        return origin
    return replace(origin, flow=flow)


def _merged(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Each once, in the order they were found; of a column's several ways all that differ."""
    return tuple(dict.fromkeys(origins))


def _plainly(value: Value) -> tuple[frozenset[tuple[str, str, Flow]], bool]:
    return frozenset((o.input, o.column, o.flow) for o in value.origins), value.nullable


def _either(values: Sequence[Value]) -> Value:
    """A value that is one of several."""
    origins = _merged(origin for value in values for origin in value.origins)
    return Value(origins, any(value.nullable for value in values))


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


def _large_groups(conditions: Sequence[Plan], values: list[Value]) -> list[Value]:
    """Statistics of groups that are kept only where they are large enough."""
    least: dict[int, int] = {}
    for condition in conditions:
        found = _at_least(condition, values)
        if found is not None:
            least[found[0]] = max(found[1], least.get(found[0], 0))
    if not least:
        return values
    return [_of_groups(value, least) for value in values]


def _of_groups(value: Value, least: Mapping[int, int]) -> Value:
    size = max((least[number] for number in value.groups if number in least), default=0)
    if size == 0:
        return value
    treated = (Treatment("aggregate", size),)
    origins = tuple(
        replace(o, treatments=(*o.treatments, *treated)) if o.flow is Flow.AGGREGATION else o
        for o in value.origins
    )
    return replace(value, origins=origins)


def _at_least(condition: Plan, values: Sequence[Value]) -> tuple[int, int] | None:
    """The aggregate that a condition asks so many rows of: ``count(*) >= 10``."""
    bounds = {"COMPARE_GREATERTHAN": 1, "COMPARE_GREATERTHANOREQUALTO": 0}
    turned = {"COMPARE_LESSTHAN": 1, "COMPARE_LESSTHANOREQUALTO": 0}
    kind, sides = condition["type"], condition.get("children", [])
    if kind in turned:
        bounds, sides = turned, sides[::-1]
    if kind not in bounds or len(sides) != 2:
        return None
    count, bound = (_uncast(side) for side in sides)
    given = bound.get("value", {}).get("value") if bound["type"] == "VALUE_CONSTANT" else None
    if count["type"] != "BOUND_REF" or not isinstance(given, int):
        return None
    counted = values[count.get("index", 0)].counts
    return None if counted is None else (counted, given + bounds[kind])


def _uncast(expression: Plan) -> Plan:
    while expression["type"] == "OPERATOR_CAST":
        (expression,) = expression["children"]
    return expression
