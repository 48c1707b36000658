"""Lowering: each node to the backend chosen for its capability, or a refusal, now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from msgspec import Struct, field
from pydantic import ValidationError

from compiler.backend import CAPABILITIES, DEFAULTS, Backend, Lowering, Settings
from compiler.codes import Code
from compiler.diagnostics import Findings, Path, did_you_mean
from compiler.graph.digest import digest
from compiler.graph.node import Graph, Node
from compiler.graph.operations import Admit, Operation

OWN: Mapping[type[Operation], Lowering] = {Admit: Lowering("compiler.engine.verdicts:admit")}
"""What the engine runs itself, whatever the backends are."""
OWNER = "stackc"

GROUP = "stackc.backends"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


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
        choice = _Choice(backend, dict(settings), ())
        chosen = _prepare(choice, self.known, findings)
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


class _Choice(Struct, frozen=True):
    """A backend as the config names it, and where it does."""

    name: str
    settings: dict[str, Any]
    path: Path


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
    choices = _choices(backends, findings)
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
            prepared[capability] = _prepare(choice, given, findings) if choice else None
        chosen = prepared[capability]
        if chosen is not None:
            task = _task(node, *chosen, refused, findings)
            if task is not None:
                tasks[node.address] = task
    return Lowered(tasks, given)


def _choices(backends: Mapping[str, Any], findings: Findings) -> dict[str, _Choice]:
    choices = {name: _Choice(DEFAULTS[name], {}, ("backends", name)) for name in CAPABILITIES}
    for capability, config in backends.items():
        path: Path = ("backends", capability)
        if capability not in CAPABILITIES:
            findings.report(
                Code.BACKEND_SETTINGS,
                f"`{capability}` is no capability",
                path,
                key=True,
                help=did_you_mean(str(capability), CAPABILITIES),
            )
            continue
        choice = _choice(capability, config, path)
        if choice is None:
            del choices[capability]
            findings.report(
                Code.BACKEND_SETTINGS,
                f"`backends.{capability}` must name a backend: `{{name: …}}` and its settings",
                path,
                help=f"the embedded one is `{{name: {DEFAULTS[capability]}}}`",
            )
        else:
            choices[capability] = choice
    return choices


def _choice(capability: str, config: Any, path: Path) -> _Choice | None:
    if isinstance(config, str):
        return _Choice(config, {}, path)
    if not isinstance(config, Mapping):
        return None
    settings = {str(key): value for key, value in config.items() if key != "name"}
    name = config.get("name", DEFAULTS[capability])
    return _Choice(name, settings, path) if isinstance(name, str) else None


def _prepare(
    choice: _Choice, known: Mapping[str, Backend], findings: Findings
) -> tuple[Backend, Settings] | None:
    """The backend, loaded, its packages present and its settings valid; None when reported."""
    backend = known.get(choice.name) or _load(choice, known, findings)
    if backend is None or not _installed(backend, choice, findings):
        return None
    try:
        return backend, backend.settings.model_validate(choice.settings)
    except ValidationError as error:
        fields = backend.settings.model_fields
        for problem in error.errors(include_url=False, include_input=False):
            unknown = problem["type"] == "extra_forbidden"
            where = tuple(problem["loc"])
            name = ".".join(str(part) for part in where)
            said = problem["msg"].removeprefix("Value error, ")
            findings.report(
                Code.BACKEND_SETTINGS,
                f"the backend `{backend.name}` has no setting `{name}`"
                if unknown
                else f"the setting `{name}` of the backend `{backend.name}`: {said}",
                (*choice.path, *where),
                key=unknown,
                help=did_you_mean(str(where[-1]) if where else "", fields) if unknown else (),
            )
        return None


def _load(choice: _Choice, known: Mapping[str, Backend], findings: Findings) -> Backend | None:
    """Our own module of that name first, then an entry point."""
    name = choice.name
    if _NAME.fullmatch(name) and find_spec("backends") and find_spec(f"backends.{name}"):
        found = getattr(import_module(f"backends.{name}"), "BACKEND", None)
        if isinstance(found, Backend):
            return found
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name in installed:
        try:
            loaded = installed[name].load()
        except ImportError as error:
            findings.report(
                Code.BACKEND_MISSING,
                f"the backend `{name}` cannot be loaded: {error}",
                (*choice.path, "name"),
                help=f"install or mend the package that offers `{name}`",
            )
            return None
        if isinstance(loaded, Backend):
            return loaded
    names = {*installed, *known, *DEFAULTS.values()}
    findings.report(
        Code.UNKNOWN_BACKEND,
        f"there is no backend `{name}`",
        (*choice.path, "name"),
        help=did_you_mean(name, names),
    )
    return None


def _installed(backend: Backend, choice: _Choice, findings: Findings) -> bool:
    missing = [module for module in backend.requires if find_spec(module.split(".")[0]) is None]
    if missing:
        listed = ", ".join(f"`{module}`" for module in missing)
        extra = f"stackc[{backend.extra}]" if backend.extra else " ".join(missing)
        findings.report(
            Code.BACKEND_MISSING,
            f"the backend `{backend.name}` needs {listed}, which is not installed",
            (*choice.path, "name"),
            help=f"pip install '{extra}'",
        )
    return not missing


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


def service(
    backends: Mapping[str, Any],
    capability: str,
    name: str,
    findings: Findings,
    known: Mapping[str, Backend] | None = None,
) -> Any:
    """What the backend of a capability offers beside running operations, imported now.

    Returns:
        The function or class; None where ``findings`` says why there is none.
    """
    prepared = _prepared(backends, capability, findings, known)
    if prepared is None:
        return None
    backend, _ = prepared
    if name not in backend.services:
        message = f"the backend `{backend.name}` has no `{name}`, which compiling needs"
        ways = f"put it on another backend, e.g. `backends/{capability}={DEFAULTS[capability]}`"
        findings.report(Code.BACKEND_OPERATION, message, ("backends", capability), help=ways)
        return None
    module, _, attribute = backend.services[name].partition(":")
    return getattr(import_module(module), attribute)


def settings_of(
    backends: Mapping[str, Any],
    capability: str,
    findings: Findings,
    known: Mapping[str, Backend] | None = None,
) -> Settings | None:
    """The settings of a capability's backend; None where ``findings`` says why there are none."""
    prepared = _prepared(backends, capability, findings, known)
    return prepared[1] if prepared is not None else None


def _prepared(
    backends: Mapping[str, Any],
    capability: str,
    findings: Findings,
    known: Mapping[str, Backend] | None,
) -> tuple[Backend, Settings] | None:
    choice = _choices(backends, findings).get(capability)
    return _prepare(choice, known or {}, findings) if choice else None
