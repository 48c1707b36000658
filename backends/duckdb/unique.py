"""Which columns of a query name one row of it, as its plan says: groups, and what is distinct."""

from __future__ import annotations

from collections.abc import Sequence

from backends.duckdb.values import Plan

_SAME_ROWS = ("LOGICAL_ORDER_BY", "LOGICAL_LIMIT", "LOGICAL_TOP_N", "LOGICAL_FILTER")
"""Operators that hand rows on, or some of them, with all their columns."""


def key_of(plan: Plan) -> frozenset[int] | None:
    """Positions of the columns that no two rows have equal values in; None where none are known."""
    kind, below = plan["type"], plan.get("children", [])
    if kind == "LOGICAL_AGGREGATE_AND_GROUP_BY":
        groups, sets = plan.get("groups", []), plan.get("grouping_sets", [])
        key = frozenset(range(len(groups))) if groups and len(sets) <= 1 else None
        return _chosen(key, plan)
    if kind == "LOGICAL_DISTINCT":
        return _chosen(_distinct(plan.get("distinct_targets", [])), plan)
    if kind in ("LOGICAL_MATERIALIZED_CTE", "LOGICAL_PROJECTION") or kind in _SAME_ROWS:
        key = key_of(below[-1])
        if key is not None and kind == "LOGICAL_PROJECTION":
            key = _projected(key, [_position(found) for found in plan["expressions"]])
        return _chosen(key, plan)
    return None


def _distinct(targets: Sequence[Plan]) -> frozenset[int] | None:
    found = {_position(target) for target in targets}
    return None if not found or None in found else frozenset(at for at in found if at is not None)


def _position(expression: Plan) -> int | None:
    """The column that an expression hands on as it is."""
    return expression.get("index", 0) if expression["type"] == "BOUND_REF" else None


def _projected(key: frozenset[int], handed_on: Sequence[int | None]) -> frozenset[int] | None:
    """Where the columns of a key went; None where one of them did not go on."""
    place = {below: above for above, below in reversed([*enumerate(handed_on)])}
    return frozenset(place[at] for at in key) if key <= place.keys() else None


def _chosen(key: frozenset[int] | None, plan: Plan) -> frozenset[int] | None:
    indexes = plan.get("projection_map")
    return _projected(key, indexes) if key is not None and indexes else key
