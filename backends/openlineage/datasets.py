"""What the inputs and outputs of steps are called as datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from msgspec import Struct

from compiler.graph.node import Node, Ref
from compiler.graph.operations import Publish, ReadDatabase, ReadFiles, Register
from compiler.graph.types import EndpointType, EstimatorType, FeaturesType, ModelType, TableType

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_KINDS: dict[type, str] = {
    TableType: "TABLE",
    ModelType: "MODEL",
    EstimatorType: "MODEL",
    FeaturesType: "MODEL",
    EndpointType: "MODEL",
}


class Name(Struct, frozen=True):
    """A dataset's name in its namespace."""

    namespace: str
    name: str


def name_of(stack: str, node: Node, output: str) -> Name:
    """The dataset that an output is: what is published has its block's name."""
    if isinstance(node.operation, Publish | Register) and output in ("table", "model"):
        return Name(stack, node.block)
    return Name(stack, f"{node.address}:{output}")


def named(stack: str, nodes: Mapping[str, Node], ref: Ref) -> Name:
    """The dataset behind a reference."""
    return name_of(stack, nodes[ref.node], ref.output)


def outside(node: Node) -> Name | None:
    """The files or the database that a step reads; None for one that reads nothing outside.

    A connection is told by its scheme, host and path: no user, no password, no
    parameters, and nothing of it where a secret may stand in these.
    """
    operation = node.operation
    if isinstance(operation, ReadFiles):
        scheme, found, rest = operation.path.partition("://")
        if found and _SCHEME.fullmatch(scheme):
            host, _, path = rest.partition("/")
            return Name(f"{scheme}://{host.rpartition('@')[2]}", path or "/")
        return Name("file", str(PurePosixPath(operation.path)))
    if isinstance(operation, ReadDatabase):
        return _database(operation.connection, node.block)
    return None


def kind_of(value: object) -> str:
    """The dataset's type, in the words that OpenLineage suggests."""
    return _KINDS.get(type(value), "FILE")


def _database(connection: str, block: str) -> Name:
    try:
        parts = urlsplit(connection)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Name("database", block)
    told = f"{host}{parts.path}"
    if not _SCHEME.fullmatch(parts.scheme) or "$" in told or "{" in told:
        return Name("database", block)
    at = f"{host}:{port}" if port else host
    return Name(
        f"{parts.scheme}://{at}" if at else parts.scheme, f"{parts.path.strip('/')}/{block}"
    )
