"""Nodes and the graph: frozen, in topological order, keyed by content."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct, field

from compiler.diagnostics import Path
from compiler.graph.digest import digest
from compiler.graph.lineage import Lineage
from compiler.graph.operations import Operation
from compiler.graph.types import ValueType

SCHEMA = 1
"""Version of ``graph.json``."""


class Ref(Struct, frozen=True, order=True):
    """One output of a node."""

    node: str
    output: str

    def __str__(self) -> str:
        return f"{self.node}:{self.output}"


class Node(Struct, frozen=True):
    """One operation with its place in the graph.

    ``address`` is ``kind.name/step``. ``origin`` is the path in the spec it
    comes from. ``lineage`` tells where the columns of its table come from;
    without one they are those of its input ``table``. None of the three is
    part of the key.
    """

    address: str
    operation: Operation
    inputs: tuple[tuple[str, Ref], ...]
    outputs: tuple[tuple[str, ValueType], ...]
    origin: Path = ()
    lineage: Lineage | None = None

    @property
    def block(self) -> str:
        """The block's address: ``models.late`` of ``models.late/train``."""
        return self.address.split("/", 1)[0]

    @property
    def step(self) -> str:
        """The part behind the block: ``train``."""
        return self.address.split("/", 1)[1]

    def output(self, name: str) -> ValueType:
        """The type of one output; KeyError where there is none."""
        return dict(self.outputs)[name]


def input_tokens(node: Node, nodes: Mapping[str, Node], keys: Mapping[str, str]) -> dict[str, str]:
    """For each input what it is: the key and output of the node the value comes from.

    A value that a node only forwards (a published table, a registered model)
    is what it was before.
    """
    tokens: dict[str, str] = {}
    for name, ref in node.inputs:
        origin = forwarded(ref, nodes)
        tokens[name] = f"{keys[origin.node]}:{origin.output}"
    return tokens


def forwarded(ref: Ref, nodes: Mapping[str, Node]) -> Ref:
    """The output a value comes from, behind every node that only forwards it."""
    producer = nodes[ref.node]
    while ref.output in type(producer.operation).forwards:
        ref = dict(producer.inputs)[type(producer.operation).forwards[ref.output]]
        producer = nodes[ref.node]
    return ref


def node_key(node: Node, tokens: Mapping[str, str], observed: str | None = None) -> str:
    """A node's key from its operation and what its inputs are, and from nothing else.

    Args:
        node: The node.
        tokens: Its ``input_tokens``.
        observed: Fingerprint of what the operation observes outside; None
            where it observes nothing or before anything was looked at.
    """
    operation = node.operation
    return digest(
        {
            "operation": type(operation).__name__,
            "version": type(operation).version,
            "parameters": operation,
            "inputs": tokens,
            "observed": observed,
        }
    )


class Graph(Struct, frozen=True, dict=True):
    """All nodes in topological order, ties by address.

    ``aliases`` maps the address of a node that was shared away to the node
    that stands for it. ``known`` are structural keys that are known already,
    by address: what made the graph vouches for them.
    """

    nodes: tuple[Node, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    name: str = field(default="stack")
    known: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_address(self) -> dict[str, Node]:
        """Every node by its address, aliases included."""
        known = {node.address: node for node in self.nodes}
        known.update({alias: known[address] for alias, address in self.aliases})
        return known

    @cached_property
    def keys(self) -> dict[str, str]:
        """Structural keys by address: before anything outside is observed."""
        nodes = {node.address: node for node in self.nodes}
        keys: dict[str, str] = {}
        for node in self.nodes:
            known = self.known.get(node.address)
            keys[node.address] = known or node_key(node, input_tokens(node, nodes, keys))
        return keys

    @cached_property
    def consumers(self) -> dict[str, tuple[str, ...]]:
        """For each node the nodes that read one of its outputs, in order."""
        found: dict[str, list[str]] = {node.address: [] for node in self.nodes}
        for node in self.nodes:
            for address in dict.fromkeys(ref.node for _, ref in node.inputs):
                found[address].append(node.address)
        return {address: tuple(names) for address, names in found.items()}

    @cached_property
    def others(self) -> dict[str, tuple[str, ...]]:
        """For each node that stands for others their addresses."""
        found: dict[str, list[str]] = {}
        for alias, address in self.aliases:
            found.setdefault(address, []).append(alias)
        return {address: tuple(aliases) for address, aliases in found.items()}

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def digest(self) -> str:
        """Digest of the whole graph: what it would make, and under which addresses."""
        return digest({"keys": self.keys, "aliases": self.aliases, "name": self.name})


def ordered(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Topological order, ties by address: independent of the order they were made in.

    Raises:
        ValueError: The nodes have a cycle, or an input names no node.
    """
    known = {node.address: node for node in nodes}
    waiting = {a: {ref.node for _, ref in n.inputs} for a, n in known.items()}
    readers: dict[str, list[str]] = {a: [] for a in known}
    for address, needs in waiting.items():
        for need in needs:
            if need not in readers:
                raise ValueError(f"{address} reads {need}, which is not in the graph")
            readers[need].append(address)
    ready = [address for address, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        address = heapq.heappop(ready)
        order.append(known[address])
        for reader in readers[address]:
            waiting[reader].discard(address)
            if not waiting[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(known):
        raise ValueError(f"cycle among {sorted(set(known) - {n.address for n in order})}")
    return tuple(order)
