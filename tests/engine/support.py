"""Graphs of the toy backend, and short ways to plan and apply them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.backend import Json
from compiler.diagnostics import Diagnostic, Findings
from compiler.engine.apply import apply_plan
from compiler.engine.destroy import destroy, plan_destroy
from compiler.engine.plan import Action, Plan
from compiler.engine.planning import make_plan
from compiler.engine.project import open_project
from compiler.engine.results import Listener, RunResult
from compiler.engine.workers import Limits
from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import Channel, Operation
from compiler.graph.types import DocumentType
from compiler.lower import Lowered, lower
from tests.engine.toybackend import OTHER, TOY, Add, Heavy, Numbers, Shelve

KNOWN = {"toy": TOY, "other": OTHER}
LIMITS = Limits(2, 1, 1 << 28)
TABLE = DocumentType("version")


def backends(name: str = "toy", **settings: Any) -> dict[str, Any]:
    """Every capability of the toy backend, on one of its names."""
    return {
        capability: {"name": name, **settings}
        for capability in ("read", "query", "train", "version", "notify")
    }


def node(address: str, operation: Operation, **inputs: str) -> Node:
    """A node; an input is ``address`` or ``address:output``."""
    refs = tuple(
        (name, Ref(*(ref if ":" in ref else f"{ref}:table").split(":")))
        for name, ref in sorted(inputs.items())
    )
    outputs: tuple[tuple[str, DocumentType], ...] = (("table", TABLE),)
    if isinstance(operation, Shelve):
        outputs = (*outputs, ("card", TABLE))
    if isinstance(operation, Channel):
        outputs = ()
    return Node(address, operation, refs, outputs, tuple(address.split("/")[0].split(".")))


def graph(*nodes: Node) -> Graph:
    """The nodes as a graph."""
    return Graph(ordered(nodes), name="toys")


def line(
    amount: int = 1,
    mood: str = "well",
    path: str = "numbers.txt",
    extra: tuple[Node, ...] = (),
    most: int = 1_000_000,
) -> Graph:
    """numbers → shelf → plus → double → shelf, and extra nodes."""
    return graph(
        node("sources.numbers/read", Numbers(path)),
        node("sources.numbers/publish", Shelve("numbers", most), table="sources.numbers/read"),
        node("datasets.plus/query", Add(amount), table="sources.numbers/publish"),
        node("models.double/train", Heavy(mood), table="datasets.plus/query"),
        node("models.double/register", Shelve("double"), table="models.double/train"),
        *extra,
    )


def channel(events: tuple[str, ...] = ("run.finished", "run.failed")) -> Node:
    """A channel into the file ``ops.mail``."""
    return node("notifications.ops/channel", Channel("ops", None, (), events))


def write_numbers(root: Path, text: str = "1 2 3") -> Path:
    """The project's data."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "numbers.txt").write_text(text)
    return root


def lowered(wanted: Graph, config: Mapping[str, Any] | None = None) -> Lowered:
    """Every node's task; raises what lowering finds."""
    findings = Findings()
    found = lower(wanted, backends() if config is None else config, findings, KNOWN)
    findings.stop_on_errors()
    return found


@dataclass
class Told(Listener):
    """Everything a listener was told, in order."""

    lines: list[tuple[str, ...]] = field(default_factory=list)

    def started(self, address: str, action: Action) -> None:
        self.lines.append(("started", address, action.value))

    def progress(self, address: str, text: str) -> None:
        self.lines.append(("progress", address, text))

    def finished(self, address: str, seconds: float, summary: Mapping[str, Json]) -> None:
        self.lines.append(("finished", address))

    def failed(self, address: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.lines.append(("failed", address, *(d.code.value for d in diagnostics)))

    def skipped(self, address: str, because: str) -> None:
        self.lines.append(("skipped", address, because))


def plan(root: Path, wanted: Graph, config: Mapping[str, Any] | None = None) -> Plan:
    """The plan, looking only."""
    with open_project(root, write=False, limits=LIMITS) as project:
        return make_plan(project, wanted, lowered(wanted, config), Findings())


def run(
    root: Path,
    wanted: Graph,
    config: Mapping[str, Any] | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Plan and apply."""
    with open_project(root, write=True, limits=LIMITS) as project:
        tasks = lowered(wanted, config)
        made = make_plan(project, wanted, tasks, Findings())
        return apply_plan(project, wanted, tasks, made, listener)


def take_away(root: Path) -> RunResult:
    """Destroy everything."""
    with open_project(root, write=True, limits=LIMITS) as project:
        tasks = Lowered({}, KNOWN)
        return destroy(project, tasks, plan_destroy(project, tasks, "toys"))


def actions(made: Plan) -> dict[str, str]:
    """What is done, by address, keeping left out."""
    return {change.address: change.action.value for change in made.work}


def reasons(made: Plan, address: str) -> list[str]:
    """Why a node changes."""
    (change,) = [change for change in made.changes if change.address == address]
    return [reason.text for reason in change.reasons]
