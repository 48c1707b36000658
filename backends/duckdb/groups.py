"""Statistics of groups that a query keeps only where they have so many rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from backends.duckdb.values import Plan, Value
from compiler.graph.lineage import Flow, Treatment


def large_groups(conditions: Sequence[Plan], values: list[Value]) -> list[Value]:
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
