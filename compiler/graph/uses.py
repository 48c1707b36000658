"""What columns are used for besides tables: features, targets, answers, profiles, monitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from compiler.graph.lineage import Flow
from compiler.graph.node import Node
from compiler.graph.operations import (
    CompareProfiles,
    Deploy,
    Evaluate,
    FitFeatures,
    Operation,
    Package,
    Profile,
    Score,
    Train,
    Watch,
)
from compiler.graph.reach import Reach, Spot, link
from compiler.graph.types import Column, DataType, EndpointType, ModelType

Nodes: TypeAlias = Mapping[str, Node]

_MATRIX = DataType("float32")
"""What a feature is in the matrix, whatever it was computed as."""


def add_uses(found: Reach, nodes: Nodes, node: Node) -> None:
    """Add what one node uses columns for; its inputs were added before."""
    adds = _USES.get(type(node.operation))
    if adds is not None:
        adds(found, nodes, node)


def _block(nodes: Nodes, node: Node, name: str) -> str:
    """The block that an input comes from."""
    return nodes[dict(node.inputs)[name].node].block


def _features(found: Reach, nodes: Nodes, node: Node) -> None:
    for derived in node.lineage.columns if node.lineage else ():
        spot = Spot(node.block, f"features.{derived.column}")
        known = found.add(spot, "feature")
        link(found, nodes, node, spot, derived)
        known.stated = derived.place
        tags = {t for up in found.above.get(spot, ()) for t in _tags(found, up)}
        known.column = Column(derived.column, _MATRIX, False, tuple(sorted(tags)))


def _tags(found: Reach, spot: Spot) -> tuple[str, ...]:
    column = found.spots[spot].column
    return column.tags if column else ()


def _target(found: Reach, nodes: Nodes, node: Node) -> None:
    operation = node.operation
    assert isinstance(operation, Train)
    source = Spot(_block(nodes, node, "train"), operation.target)
    spot = Spot(node.block, "target")
    found.add(spot, "target", found.spots[source].column)
    found.link(source, spot, Flow.IDENTITY)


def _answers(found: Reach, _nodes: Nodes, node: Node) -> None:
    """What a model answers comes from its features, and was learned from all targets."""
    answers = node.output("model")
    assert isinstance(answers, ModelType)
    features = [
        spot
        for spot, known in found.spots.items()
        if known.kind == "feature" and spot.block == node.block
    ]
    for column in answers.response:
        spot = Spot(node.block, column.name)
        found.add(spot, "answer", column)
        for feature in features:
            found.link(feature, spot, Flow.TRANSFORMATION)
        found.link(Spot(node.block, "target"), spot, Flow.AGGREGATION)


def _scored(found: Reach, nodes: Nodes, node: Node) -> None:
    """The answers in a table are those of the model, about the table's rows."""
    operation = node.operation
    assert isinstance(operation, Score)
    model = _block(nodes, node, "model")
    for derived in node.lineage.columns if node.lineage else ():
        answer = Spot(model, derived.column)
        if derived.column not in operation.keep and answer in found.spots:
            found.link(answer, Spot(node.block, derived.column), Flow.IDENTITY)


def _told_apart(found: Reach, nodes: Nodes, node: Node) -> None:
    """Columns that an evaluation tells rows apart by."""
    operation = node.operation
    assert isinstance(operation, Evaluate)
    table = _block(nodes, node, "table")
    for column in operation.slices:
        _use(found, Spot(table, column), Spot(node.block, f"slices.{column}"), "slice")
    for column in operation.fairness.sensitive if operation.fairness is not None else ():
        _use(found, Spot(table, column), Spot(node.block, f"fairness.{column}"), "fairness")


def _use(found: Reach, source: Spot, spot: Spot, kind: str) -> None:
    found.add(spot, kind, found.spots[source].column)
    found.link(source, spot, Flow.IDENTITY)


def _profile(found: Reach, nodes: Nodes, node: Node) -> None:
    operation = node.operation
    assert isinstance(operation, Profile)
    if not node.block.startswith("monitors."):  # a monitor's own is told by what it compares
        for column in operation.columns:
            source = Spot(_block(nodes, node, "table"), column)
            _use(found, source, Spot(node.block, f"profile.{column}"), "profile")


def _compared(found: Reach, nodes: Nodes, node: Node) -> None:
    """A monitor holds columns of a table, or of live requests, against a profile."""
    operation = node.operation
    compared = operation.compare if isinstance(operation, Watch) else operation
    assert isinstance(compared, CompareProfiles)
    for column in compared.columns:
        spot = Spot(node.block, column)
        for source in _held(found, nodes, node, column):
            found.add(spot, "monitor", found.spots[source].column)
            found.link(source, spot, Flow.AGGREGATION)


def _held(found: Reach, nodes: Nodes, node: Node, column: str) -> Iterator[Spot]:
    reference = _block(nodes, node, "reference")
    named = [Spot(reference, f"profile.{column}")]
    if isinstance(node.operation, Watch):
        endpoint = _block(nodes, node, "endpoint")
        named += [Spot(endpoint, f"{way}.{column}") for way in ("request", "response")]
    else:
        profile = nodes[dict(node.inputs)["current"].node]
        named.append(Spot(_block(nodes, profile, "table"), column))
    yield from (spot for spot in named if spot in found.spots)


def _endpoint(found: Reach, nodes: Nodes, node: Node) -> None:
    """A request has the columns that the features read, an answer those of the model."""
    endpoint = node.output("endpoint")
    assert isinstance(endpoint, EndpointType)
    model = _block(nodes, node, "model")
    trained = nodes[f"{model}/features"]
    table = _block(nodes, trained, "train")
    requests = [_asked(found, Spot(table, c.name), node.block, c) for c in endpoint.request]
    for column in endpoint.key:
        if column.name not in {asked.name for asked in endpoint.request}:
            _asked(found, Spot(table, column.name), node.block, column)
    for column in endpoint.response:
        spot = Spot(node.block, f"response.{column.name}")
        found.add(spot, "response", column)
        found.link(Spot(model, column.name), spot, Flow.IDENTITY)
        for request in requests:
            found.link(request, spot, Flow.TRANSFORMATION)


def _asked(found: Reach, source: Spot, block: str, column: Column) -> Spot:
    spot = Spot(block, f"request.{column.name}")
    found.add(spot, "request", column)
    found.link(source, spot, Flow.IDENTITY)
    return spot


_USES: Mapping[type[Operation], Callable[[Reach, Nodes, Node], None]] = {
    FitFeatures: _features,
    Train: _target,
    Package: _answers,
    Score: _scored,
    Evaluate: _told_apart,
    Profile: _profile,
    CompareProfiles: _compared,
    Watch: _compared,
    Deploy: _endpoint,
}
