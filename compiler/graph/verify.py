"""What a legal graph is, as data; held before and after every pass."""

from __future__ import annotations

from compiler.graph.node import Graph, Node
from compiler.graph.operations import (
    Admit,
    Alert,
    Clean,
    CompareProfiles,
    Deploy,
    Evaluate,
    FitFeatures,
    Golden,
    JudgeGates,
    Labels,
    Measure,
    Operation,
    Package,
    Profile,
    Publish,
    Quarantine,
    Register,
    Score,
    Split,
    Train,
    Tune,
    Validate,
    Watch,
)
from compiler.graph.types import (
    DocumentType,
    EndpointType,
    EstimatorType,
    FeaturesType,
    ModelType,
    ProfileType,
    TableType,
)

INPUTS: dict[type[Operation], dict[str, type]] = {
    Validate: {"table": TableType},
    Quarantine: {"table": TableType},
    Publish: {"table": TableType, "verdict": DocumentType},
    Admit: {"table": TableType, "verdict": DocumentType},
    Clean: {"table": TableType},
    Split: {"table": TableType},
    Profile: {"table": TableType},
    FitFeatures: {"train": TableType},
    Tune: {"features": FeaturesType, "train": TableType, "validation": TableType},
    Train: {
        "features": FeaturesType,
        "train": TableType,
        "validation": TableType,
        "tuning": DocumentType,
    },
    Package: {"features": FeaturesType, "estimator": EstimatorType},
    Evaluate: {"model": ModelType, "table": TableType},
    JudgeGates: {"model": ModelType, "metrics": DocumentType, "table": TableType},
    Register: {
        "model": ModelType,
        "metrics": DocumentType,
        "training": DocumentType,
        "table": TableType,
        "gates": DocumentType,
    },
    Score: {"model": ModelType, "table": TableType},
    Golden: {"model": ModelType, "table": TableType},
    Deploy: {"model": ModelType, "golden": DocumentType},
    Watch: {"endpoint": EndpointType, "reference": ProfileType, "labels": TableType},
    Labels: {"table": TableType},
    Measure: {"answers": TableType, "labels": TableType, "model": ModelType},
    CompareProfiles: {"reference": ProfileType, "current": ProfileType},
    Alert: {"drift": DocumentType, "performance": DocumentType},
}
"""Named inputs by operation and the type each must have; others (SQL's tables) are tables."""

_OPTIONAL = {"verdict", "validation", "tuning", "gates"}
_OPTIONAL_OF: dict[type[Operation], set[str]] = {
    JudgeGates: {"table"},
    Watch: {"labels"},
    Alert: {"drift", "performance"},
}
_MORE_TABLES = (Validate, Quarantine)
"""Operations whose rules may read further tables."""


def verify(graph: Graph) -> None:
    """Raise ValueError where the graph is not legal: that is a bug of the pass before."""
    seen: dict[str, Node] = {}
    for node in graph.nodes:
        if node.address in seen:
            raise ValueError(f"{node.address} stands twice in the graph")
        _verify_node(node, seen)
        seen[node.address] = node
    for alias, address in graph.aliases:
        if alias in seen or address not in seen:
            raise ValueError(f"alias {alias} → {address} leads nowhere")


def _verify_node(node: Node, seen: dict[str, Node]) -> None:
    wanted = INPUTS.get(type(node.operation), {})
    given = dict(node.inputs)
    for name, ref in node.inputs:
        if ref.node not in seen:
            raise ValueError(f"{node.address} reads {ref}, which does not stand before it")
        outputs = dict(seen[ref.node].outputs)
        if ref.output not in outputs:
            raise ValueError(f"{node.address} reads {ref}, which is no output")
        expected = wanted.get(name, TableType)
        if not isinstance(outputs[ref.output], expected):
            raise ValueError(f"{node.address}: {name} must be a {expected.__name__}")
        if wanted and name not in wanted and not isinstance(node.operation, _MORE_TABLES):
            raise ValueError(f"{node.address} has no input {name}")
    optional = _OPTIONAL | _OPTIONAL_OF.get(type(node.operation), set())
    for name in wanted:
        if name not in given and name not in optional:
            raise ValueError(f"{node.address} lacks its input {name}")
