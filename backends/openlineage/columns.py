"""Column lineage as OpenLineage's facet has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from openlineage.client.generated.column_lineage_dataset import (
    ColumnLineageDatasetFacet,
    Fields,
    InputField,
    Transformation,
)

from backends.openlineage.datasets import Name, named, outside
from compiler.graph.lineage import Derivation, Lineage, Origin
from compiler.graph.node import Node
from compiler.graph.reach import text_of
from compiler.graph.types import FeaturesType, TableType, ValueType

Named: TypeAlias = Callable[[str], Name]

_MASKING = ("hash",)
"""Treatments behind which no value can be seen again; a bucket or a cut value still tells one."""


def column_lineage(
    stack: str, nodes: Mapping[str, Node], node: Node, made: ValueType
) -> ColumnLineageDatasetFacet | None:
    """Where the columns of an output come from; None where it has none, or nobody knows."""
    columns = _columns(made)
    if not columns:
        return None
    inputs = dict(node.inputs)
    if node.lineage is not None:
        lineage, name = node.lineage, lambda given: named(stack, nodes, inputs[given])
    elif (source := outside(node)) is not None:
        lineage, name = _as_it_is(columns), lambda _: source
    elif "table" in inputs:
        lineage, name = _as_it_is(columns), lambda _: named(stack, nodes, inputs["table"])
    else:
        return None
    fields = {
        derived.column: Fields(inputFields=_fields(derived.origins, name, text_of(node, derived)))
        for derived in lineage.columns
        if derived.column in columns
    }
    return ColumnLineageDatasetFacet(fields=fields, dataset=_fields(lineage.rows, name, ""))


def _columns(made: ValueType) -> tuple[str, ...]:
    if isinstance(made, TableType):
        return made.names
    return made.features if isinstance(made, FeaturesType) else ()


def _as_it_is(columns: Iterable[str]) -> Lineage:
    return Lineage(tuple(Derivation(name, (Origin("table", name),)) for name in columns))


def _fields(origins: Iterable[Origin], name: Named, text: str) -> list[InputField]:
    """Each column once, with all the ways on which it flows in."""
    found: dict[tuple[Name, str], list[Transformation]] = {}
    for origin in origins:
        ways = found.setdefault((name(origin.input), origin.column), [])
        way = _transformation(origin, text)
        if way not in ways:
            ways.append(way)
    return [InputField(n.namespace, n.name, column, ways) for (n, column), ways in found.items()]


def _transformation(origin: Origin, text: str) -> Transformation:
    return Transformation(
        type="DIRECT" if origin.flow.is_direct else "INDIRECT",
        subtype=str(origin.flow),
        description=text or None,
        masking=any(treatment.kind in _MASKING for treatment in origin.treatments),
    )
