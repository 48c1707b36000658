"""Values of a plan's operators: what an expression, an aggregate or a window comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from backends.duckdb.nulls import is_nullable
from compiler.graph.lineage import Flow, Origin, stronger

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


def computed(expression: Plan, below: Sequence[Value]) -> Value:
    """An expression over one row."""
    if expression["type"] == "BOUND_REF":
        return below[expression.get("index", 0)]
    origins = origins_of(expression, below, Flow.TRANSFORMATION)
    nullable = is_nullable(expression, [value.nullable for value in below])
    start = expression.get("query_location")
    length = expression.get("query_location_length", 1)
    span = None if start is None else (start, length)
    return Value(origins, nullable, span=span)


def aggregated(expression: Plan, below: Sequence[Value], number: int, empty: bool) -> Value:
    """An aggregate over a group."""
    name = str(expression["qname"]["path"][-1]).lower()
    origins = origins_of(expression, below, Flow.AGGREGATION)
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


def windowed(expression: Plan, below: Sequence[Value]) -> Value:
    """A window function: values flow in, and the order and the partition decide which."""
    kind = expression["type"]
    shown = {k: v for k, v in expression.items() if k not in ("partitions", "orders", "arg_orders")}
    ends_before = expression.get("end") in ("EXPR_PRECEDING_ROWS", "EXPR_PRECEDING_RANGE")
    past = bool(expression.get("orders")) and (kind in _EARLIER or ends_before)
    values = [replace(o, past=past or o.past) for o in origins_of(shown, below, Flow.AGGREGATION)]
    by = {k: expression.get(k) for k in ("partitions", "orders", "arg_orders")}
    values += origins_of(by, below, Flow.WINDOW)
    ranks = ("WINDOW_ROW_NUMBER", "WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_NTILE",
             "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST")  # fmt: skip
    return Value(merged(values), kind not in ranks)


def origins_of(expression: Any, below: Sequence[Value], flow: Flow) -> tuple[Origin, ...]:
    """What the columns come from that an expression mentions, with its own flow added."""
    found: list[Origin] = []
    for at in _references(expression):
        found += [_through(origin, flow) for origin in below[at].origins]
    return merged(found)


def _references(expression: Any) -> Iterable[int]:
    """The positions that an expression mentions."""
    waiting = [expression]
    while waiting:
        here = waiting.pop()
        if type(here) is list:
            waiting.extend(here)
        elif type(here) is dict:
            if here.get("type") == "BOUND_REF":
                yield here.get("index", 0)
            # Most values are texts and numbers, which mention nothing.
            inner = (v for k, v in here.items() if type(v) in _INNER and k not in _HIDDEN)
            waiting.extend(inner)


_INNER = (dict, list)


def _through(origin: Origin, flow: Flow) -> Origin:
    """An origin behind one more step: what is indirect stays so, what is aggregated too."""
    found = stronger(flow, origin.flow)
    return origin if found is origin.flow else replace(origin, flow=found)


def merged(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Each once, in the order they were found; of a column's several ways all that differ."""
    return tuple(dict.fromkeys(origins))


def either(values: Sequence[Value]) -> Value:
    """A value that is one of several."""
    origins = merged(origin for value in values for origin in value.origins)
    return Value(origins, any(value.nullable for value in values))
