"""Lowering: each node to the backend chosen for its capability, or a refusal, now."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct, field

from compiler.backend import DEFAULTS, Backend, Lowering, Settings
from compiler.chosen import Choice, choices_of, prepare
from compiler.codes import Code
from compiler.diagnostics import Findings
from compiler.graph.digest import digest
from compiler.graph.node import Graph, Node
from compiler.graph.operations import Admit, Operation

OWN: Mapping[type[Operation], Lowering] = {Admit: Lowering("compiler.engine.verdicts:admit")}
"""What the engine runs itself, whatever the backends are."""
OWNER = "stackc"


class LoweredTask(Struct, frozen=True):
    """How one node runs: the backend's name, its table entry, its settings."""

    backend: str
    lowering: Lowering
    settings: Settings


class Lowered(Struct, frozen=True, dict=True):
    """Every node's task; ``known`` are backends given by the caller instead of by name."""

    tasks: Mapping[str, LoweredTask]
    known: Mapping[str, Backend] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Digest of which backend runs what, with which settings."""
        dumped: dict[int, Any] = {}
        for task in self.tasks.values():
            if id(task.settings) not in dumped:
                dumped[id(task.settings)] = task.settings.model_dump(mode="json")
        return digest(
            {
                address: [task.backend, dumped[id(task.settings)]]
                for address, task in self.tasks.items()
            }
        )

    def restore(self, backend: str, operation: str, settings: Mapping[str, Any]) -> LoweredTask:
        """The task of something applied earlier, from what the state kept of it.

        Raises:
            StackcError: E501, E503, E504 or E505 when that backend is no longer there.
        """
        findings = Findings()
        choice = Choice(backend, dict(settings), ())
        chosen = prepare(choice, self.known, findings)
        findings.stop_on_errors()
        assert chosen is not None  # a failed preparation has reported why
        found, validated = chosen
        for kind, lowering in found.lowerings.items():
            if kind.__name__ == operation:
                return LoweredTask(found.name, lowering, validated)
        findings.report(
            Code.BACKEND_OPERATION,
            f"the backend `{backend}` no longer knows `{operation}`, which it once applied",
            (),
            help="install the version of it that did, and apply again",
        )
        findings.stop_on_errors()
        raise AssertionError("unreachable")


def lower(
    graph: Graph,
    backends: Mapping[str, Any],
    findings: Findings,
    known: Mapping[str, Backend] | None = None,
) -> Lowered:
    """Choose each node's backend and check that it can honour the node, every field of it.

    Args:
        graph: The graph to run.
        backends: The composed config group: capability to ``{name: …, **settings}``;
            the embedded backend stands in for a capability that is left out.
        findings: Gets E501 operation, E502 field, E503 unknown backend, E504
            missing package, E505 settings.
        known: Backends that are given as values, by name; else they are loaded by name.

    Returns:
        The tasks of all nodes that could be lowered.
    """
    given = {} if known is None else known
    choices = choices_of(backends, findings)
    prepared: dict[str, tuple[Backend, Settings] | None] = {}
    refused: set[tuple[str, type[Operation]]] = set()
    tasks: dict[str, LoweredTask] = {}
    for node in graph:
        own = OWN.get(type(node.operation))
        if own is not None:
            tasks[node.address] = LoweredTask(OWNER, own, Settings())
            continue
        capability = type(node.operation).capability
        if capability not in prepared:
            choice = choices.get(capability)
            prepared[capability] = prepare(choice, given, findings) if choice else None
        chosen = prepared[capability]
        if chosen is not None:
            task = _task(node, *chosen, refused, findings)
            if task is not None:
                tasks[node.address] = task
    return Lowered(tasks, given)


def _task(
    node: Node,
    backend: Backend,
    settings: Settings,
    refused: set[tuple[str, type[Operation]]],
    findings: Findings,
) -> LoweredTask | None:
    kind = type(node.operation)
    lowering = backend.lowerings.get(kind)
    if lowering is None:
        if (backend.name, kind) not in refused:
            refused.add((backend.name, kind))
            findings.report(
                Code.BACKEND_OPERATION,
                f"the backend `{backend.name}` cannot run `{node.address}` ({kind.__name__})",
                node.origin,
                help=_elsewhere(backend, kind.capability),
            )
        return None
    for refusal in lowering.refuses:
        if refusal.when(_field(node.operation, refusal.field)):
            findings.report(
                Code.BACKEND_FIELD,
                f"the backend `{backend.name}` cannot honour `{refusal.field}` of `{node.address}`",
                (*node.origin, *refusal.field.split(".")),
                help=refusal.help,
            )
    return LoweredTask(backend.name, lowering, settings)


def _elsewhere(backend: Backend, capability: str) -> str:
    embedded = DEFAULTS[capability]
    if backend.name == embedded:
        return f"choose a backend that can with `backends/{capability}=NAME`, or leave it out"
    return f"put it on another backend, e.g. `backends/{capability}={embedded}`"


def _field(operation: Operation, name: str) -> Any:
    value: Any = operation
    for part in name.split("."):
        value = getattr(value, part)
    return value
